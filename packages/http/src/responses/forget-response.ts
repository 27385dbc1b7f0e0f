import { type Cache, CommandError, kindOfOption } from '@cashews/core'
import type { ResponseKeyOptions } from '../middlewares.ts'
import { checkCache } from '../options.ts'
import { ResponseCache } from './response-cache.ts'
import type { Resource } from './response-key.ts'

/**
 * Deletes the stored responses of a URL such as `https://shop.example/products?page=1`, in all variants. Resolves to
 * whether there were any.
 *
 * @param options The same as for the routes.
 * @throws {CommandError} When the URL is not absolute.
 */
export async function forgetResponse(cache: Cache, url: string, options: ResponseKeyOptions = {}): Promise<boolean> {
  checkCache('forgetResponse', cache)
  return new ResponseCache(cache, options).forget(resourceAt(url))
}

/**
 * The resource that a URL names.
 *
 * @throws {CommandError} When the URL is not absolute.
 */
export function resourceAt(url: string): Resource {
  const parsed = typeof url === 'string' ? URL.parse(url) : undefined
  if (!parsed?.host)
    throw new CommandError(
      `forgetResponse takes a complete URL, such as https://shop.example/products, not ${kindOfOption(url)}.`,
    )
  const { protocol, host, pathname, search } = parsed
  return { scheme: protocol.slice(0, -1), authority: host, url: pathname + search, fields: {} }
}
