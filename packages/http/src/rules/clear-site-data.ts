import { checkOneOf } from '@cashews/core'
import { type Field, membersOf } from './field.ts'

/** What a browser can be asked to clear (W3C Clear Site Data). */
export type SiteData =
  | 'cache'
  | 'cookies'
  | 'storage'
  | 'executionContexts'
  | 'clientHints'
  | 'prefetchCache'
  | 'prerenderCache'
  | '*'

const KINDS: readonly SiteData[] = [
  'cache',
  'cookies',
  'storage',
  'executionContexts',
  'clientHints',
  'prefetchCache',
  'prerenderCache',
  '*',
]

/**
 * Formats a `Clear-Site-Data` field, which makes a browser clear its data of this site. Browsers honour it on secure
 * connections only.
 *
 * ```ts ignore: a response is needed
 * response.setHeader('Clear-Site-Data', clearSiteDataField('cache', 'cookies'))
 * ```
 */
export function clearSiteDataField(...data: readonly SiteData[]): string {
  for (const kind of data) checkOneOf('kind of site data', kind, KINDS)
  return data.map((kind) => `"${kind}"`).join(', ')
}

/** Whether `Clear-Site-Data` of a request asks to clear the cache: `"cache"` or `"*"`, with or without quotes. */
export function asksToClearCache(field: Field): boolean {
  return membersOf(field).some((kind) => /^("(cache|\*)"|cache|\*)$/.test(kind))
}
