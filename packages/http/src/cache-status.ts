import type { Detections } from '@cashews/core'
import { type Field, lineOf, quoted } from './field.ts'

/** Why a request went on to the handler (RFC 9211 §2.2). */
export type Forward = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale'

/** What one cache did for one request. */
export interface CacheStatus {
  readonly hit?: boolean
  readonly forward?: Forward | undefined
  /** What the handler answered where something else was sent. */
  readonly forwardStatus?: number | undefined
  /** How long the response stays fresh, in seconds; negative when it is stale. */
  readonly ttl?: number | undefined
  readonly isStored?: boolean | undefined
  /** Whether the response is that to another request which was under way. */
  readonly isCollapsed?: boolean | undefined
  /** Helps to find out what happened, and an attacker to find out what to poison: only when asked for. */
  readonly key?: string | undefined
}

/** Writes one member of a `Cache-Status` field (RFC 9211). */
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

/** Adds a member to a field that caches nearer to the origin may have written to. */
export function appended(field: Field, member: string): string {
  return field === undefined || field.length === 0 ? member : `${lineOf(field)}, ${member}`
}

/** A member for each cached function that took part, named by its template: keys would give arguments away. */
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

/** The same for the developer tools of browsers (W3C Server Timing), which show the descriptions. */
export function serverTiming({ calls }: Detections): string {
  return Object.values(calls)
    .flat()
    .map(
      ({ strategy, template, hit }, at) =>
        `cashews-${at};desc=${quoted(`${template ?? strategy} ${hit ? 'hit' : 'miss'}`)}`,
    )
    .join(', ')
}
