import type { Detections } from '@cashews/core'
import { type Field, lineOf, quoted } from './field.ts'

/** Why a request was forwarded to the handler (RFC 9211 §2.2). */
export type Forward = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale'

/** How one cache handled a request. */
export interface CacheStatus {
  /** Whether a stored response was sent, without the handler (§2.1). */
  readonly hit?: boolean
  /** Why the request went to the handler; absent for a hit (§2.2). */
  readonly forward?: Forward | undefined
  /** The status from the handler, where a different response was sent. */
  readonly forwardStatus?: number | undefined
  /** How long the response stays fresh, in seconds; negative when it is stale. */
  readonly ttl?: number | undefined
  /** Whether the response of the handler was stored (§2.5). */
  readonly isStored?: boolean | undefined
  /** Whether the response was shared with another request that was under way. */
  readonly isCollapsed?: boolean | undefined
  /** The key: it helps with debugging, but also tells an attacker what to poison, so it is only sent on demand. */
  readonly key?: string | undefined
}

/** Formats one member of a `Cache-Status` field (RFC 9211). */
export function cacheStatus(cache: string, status: CacheStatus): string {
  const { hit, forward, forwardStatus, ttl, isStored, isCollapsed, key } = status
  let member = cache
  if (hit) member += '; hit'
  else if (forward) member += `; fwd=${forward}`
  if (forwardStatus !== undefined) member += `; fwd-status=${forwardStatus}`
  if (ttl !== undefined && Number.isFinite(ttl)) member += `; ttl=${Math.floor(ttl)}`
  if (isStored) member += '; stored'
  if (isCollapsed) member += '; collapsed'
  if (key !== undefined) member += `; key=${quoted(key)}`
  return member
}

/** Appends a member to a field that caches closer to the origin may have set. */
export function appended(field: Field, member: string): string {
  return field === undefined || field.length === 0 ? member : `${lineOf(field)}, ${member}`
}

/** A member for each cached function that was called, named by its template: keys would leak arguments. */
export function functionStatuses({ calls }: Detections): string[] {
  return Object.values(calls)
    .flat()
    .map(({ strategy, template, hit, left, reason }) =>
      cacheStatus(
        quoted(template ?? strategy),
        hit
          ? { hit, ttl: left }
          : {
              forward: reason === undefined ? 'bypass' : reason === 'miss' ? 'miss' : 'request',
              isStored: left !== undefined,
            },
      ),
    )
}

/** The same as `Server-Timing` (W3C), which the developer tools of browsers show. */
export function serverTiming({ calls }: Detections): string {
  return Object.values(calls)
    .flat()
    .map(
      ({ strategy, template, hit }, at) =>
        `cashews-${at};desc=${quoted(`${template ?? strategy} ${hit ? 'hit' : 'miss'}`)}`,
    )
    .join(', ')
}
