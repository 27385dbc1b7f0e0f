import { type Field, membersOf } from './field.ts'

/** What a browser can be asked to forget (W3C Clear Site Data). */
export type SiteData =
  | 'cache'
  | 'cookies'
  | 'storage'
  | 'executionContexts'
  | 'clientHints'
  | 'prefetchCache'
  | 'prerenderCache'
  | '*'

/**
 * Writes a `Clear-Site-Data` field: in a response it makes the browser forget what it has of this site. Browsers honour
 * it on secure connections only.
 *
 * ```ts ignore: a response is needed
 * response.setHeader('Clear-Site-Data', clearSiteDataField('cache', 'cookies'))
 * ```
 */
export function clearSiteDataField(...data: readonly SiteData[]): string {
  return data.map((kind) => `"${kind}"`).join(', ')
}

/** Whether the field of a request asks for the cache to be cleared: `"cache"`, `"*"`, and both without quotes. */
export function asksToClearCache(field: Field): boolean {
  return membersOf(field).some((kind) => /^("(cache|\*)"|cache|\*)$/.test(kind))
}
