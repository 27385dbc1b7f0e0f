import { compileGlob, type Detections } from '@cashews/core'
import { type CacheControl, writeCacheControl } from './cache-control.ts'
import { appended, functionStatuses, serverTiming } from './cache-status.ts'
import type { CacheControlOptions } from './control-options.ts'
import type { Reply } from './request.ts'

/** What the cached functions of a request tell about its response. Durations are in seconds. */
export interface Used {
  /** The shortest remaining lifetime of their results; absent when none was called. */
  readonly left: number | undefined
  /** The age of the oldest result. */
  readonly age: number
  readonly isStale: boolean
  readonly keys: readonly string[]
}

/** Summarizes the results used. Strategies that store no result, such as rate limits, do not count. */
export function usedOf({ calls }: Detections): Used {
  let left: number | undefined
  let age = 0
  let isStale = false
  const keys: string[] = []
  for (const [key, detections] of Object.entries(calls))
    for (const { hit, reason, stale, age: itsAge = 0, left: itsLeft = 0 } of detections) {
      if (!hit && reason === undefined) continue
      left = Math.min(left ?? Number.POSITIVE_INFINITY, itsLeft)
      age = Math.max(age, itsAge)
      isStale ||= stale === true
      keys.push(key)
    }
  return { left, age, isStale, keys }
}

/** Decides whether a response that used these keys may be stored by shared caches. */
type IsPublic = (keys: readonly string[]) => boolean

const always: IsPublic = () => true
const never: IsPublic = () => false
const compiled = /* @__PURE__ */ new WeakMap<readonly string[], IsPublic>()

/** @param option All responses, none, or those that only used keys matching one of the globs. */
function publicIf(option: boolean | readonly string[]): IsPublic {
  if (typeof option === 'boolean') return option ? always : never
  const known = compiled.get(option)
  if (known) return known
  const globs = option.map((glob) => compileGlob(glob))
  const isPublic: IsPublic = (keys) => keys.every((key) => globs.some((matches) => matches(key)))
  compiled.set(option, isPublic)
  return isPublic
}

/**
 * `Cache-Control` and `Age` for a response that does not say itself how long it is fresh. Clients subtract `Age` from
 * `max-age`, which leaves the shortest remaining lifetime of the results used. Without any, there are no such fields.
 */
function derivedFields({ left, age, isStale, keys }: Used, isPublic: IsPublic): Record<string, string> {
  if (left === undefined) return {}
  if (isStale || left < 1) return { 'cache-control': 'no-cache' }
  const whole = Math.floor(age)
  const shared = isPublic(keys)
  const directives: CacheControl = { public: shared, private: !shared, maxAge: whole + Math.floor(left) }
  return { 'cache-control': writeCacheControl(directives), age: String(whole) }
}

/** Adds to a reply what its cached functions tell about it, unless the handler has set those fields itself. */
export function withDerived(reply: Reply, detections: Detections, options: CacheControlOptions): Reply {
  const fields = { ...derivedFor(reply, detections, options), ...reply.fields }
  if (options.cacheStatus && detections.keys.length > 0)
    fields['cache-status'] = appended(fields['cache-status'], functionStatuses(detections).join(', '))
  if (options.serverTiming && detections.keys.length > 0)
    fields['server-timing'] = appended(fields['server-timing'], serverTiming(detections))
  return { ...reply, fields }
}

function derivedFor({ status, fields }: Reply, detections: Detections, options: CacheControlOptions): Reply['fields'] {
  if (fields['cache-control'] !== undefined || fields.expires !== undefined) return {}
  if (status === 401 || status === 403 || status >= 500) return { 'cache-control': 'no-store' }
  return status < 400 ? derivedFields(usedOf(detections), publicIf(options.public ?? false)) : {}
}
