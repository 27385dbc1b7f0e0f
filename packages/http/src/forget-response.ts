import { type Cache, CommandError } from '@cashews/core'
import type { ResponseKeyOptions } from './middlewares.ts'
import { checkCache } from './options.ts'
import { ResponseCache } from './response-cache.ts'
import type { Resource } from './response-key.ts'

/**
 * Deletes what is stored for a URL, all its variants: `https://shop.example/products?page=1`. Answers whether there was
 * anything.
 *
 * @param options The same as those of the routes.
 * @throws {CommandError} When it is no whole URL.
 */
export async function forgetResponse(cache: Cache, url: string, options: ResponseKeyOptions = {}): Promise<boolean> {
  checkCache('forgetResponse', cache)
  return new ResponseCache(cache, options).forget(resourceAt(url))
}

/**
 * What a client asks for by a URL.
 *
 * @throws {CommandError} When it is no whole URL.
 */
export function resourceAt(url: string): Resource {
  const parsed = URL.parse(url)
  if (!parsed?.host)
    throw new CommandError(`What clients ask for is a whole URL, such as https://shop.example/products, not "${url}".`)
  const { protocol, host, pathname, search } = parsed
  return { scheme: protocol.slice(0, -1), authority: host, url: pathname + search, fields: {} }
}
