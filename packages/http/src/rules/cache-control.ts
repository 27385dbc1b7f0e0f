import { checkRange, checkThat, isOptions } from '@cashews/core'
import { type Field, membersOf, secondsOf } from './field.ts'

/** The directives of a `Cache-Control` field (RFC 9111 §5.2, RFC 5861, RFC 8246). Durations are in seconds. */
export interface CacheControl {
  /** Shared caches may store the response (§5.2.2.9). */
  readonly public?: boolean | undefined
  /** Only the cache of one user may store it (§5.2.2.7). */
  readonly private?: boolean | undefined
  /** No cache may store it (§5.2.2.5). */
  readonly noStore?: boolean | undefined
  /** It may be stored, and used only after the server has confirmed it (§5.2.2.4). */
  readonly noCache?: boolean | undefined
  /** How long it is fresh, in seconds (§5.2.2.1); of a request: how old the response may be (§5.2.1.1). */
  readonly maxAge?: number | undefined
  /** The same for shared caches, in seconds; before `maxAge` (§5.2.2.10). */
  readonly sMaxage?: number | undefined
  /** It must not be used stale (§5.2.2.2). */
  readonly mustRevalidate?: boolean | undefined
  /** The same for shared caches (§5.2.2.8). */
  readonly proxyRevalidate?: boolean | undefined
  /** Only a cache that understands the status may store it, and it then ignores `no-store` (§5.2.2.3). */
  readonly mustUnderstand?: boolean | undefined
  /** Its content must not be changed on the way (§5.2.2.6). */
  readonly noTransform?: boolean | undefined
  /** It does not change while it is fresh (RFC 8246). */
  readonly immutable?: boolean | undefined
  /** For how many seconds it may be used stale while it is refreshed (RFC 5861 §3). */
  readonly staleWhileRevalidate?: number | undefined
  /** For how many seconds it may be used stale when the server fails (RFC 5861 §4). */
  readonly staleIfError?: number | undefined
  /** Of a request: for how many seconds the response may have been stale. `Infinity`: any (§5.2.1.2). */
  readonly maxStale?: number | undefined
  /** Of a request: for how many seconds it must still be fresh (§5.2.1.3). */
  readonly minFresh?: number | undefined
  /** Of a request: only a stored response is wanted (§5.2.1.7). */
  readonly onlyIfCached?: boolean | undefined
}

type Writable = { -readonly [D in keyof CacheControl]: CacheControl[D] }
type Named<T> = { [D in keyof CacheControl]-?: T extends NonNullable<CacheControl[D]> ? D : never }[keyof CacheControl]

const FLAGS: Readonly<Record<string, Named<boolean>>> = {
  public: 'public',
  private: 'private',
  'no-store': 'noStore',
  'no-cache': 'noCache',
  'must-revalidate': 'mustRevalidate',
  'proxy-revalidate': 'proxyRevalidate',
  'must-understand': 'mustUnderstand',
  'no-transform': 'noTransform',
  immutable: 'immutable',
  'only-if-cached': 'onlyIfCached',
}

const DURATIONS: Readonly<Record<string, Named<number>>> = {
  'max-age': 'maxAge',
  's-maxage': 'sMaxage',
  'stale-while-revalidate': 'staleWhileRevalidate',
  'stale-if-error': 'staleIfError',
  'max-stale': 'maxStale',
  'min-fresh': 'minFresh',
}

/**
 * Parses a `Cache-Control` field. Names are case-insensitive, values tokens or quoted strings. Unknown directives are
 * ignored, an invalid duration is 0, and of repeated ones the most restrictive counts. `no-cache` and `private` with
 * field names are treated as without them (as RFC 9111 §5.2.2.4 and §5.2.2.7 allow). `null` is no field, as for `Headers`.
 */
export function parseCacheControl(field: Field | null): CacheControl {
  const read: Writable = {}
  for (const member of membersOf(field)) {
    const equals = member.indexOf('=')
    const name = (equals < 0 ? member : member.slice(0, equals)).toLowerCase()
    if (Object.hasOwn(FLAGS, name)) read[FLAGS[name] as Named<boolean>] = true
    else if (Object.hasOwn(DURATIONS, name))
      readDuration(read, DURATIONS[name] as Named<number>, equals < 0 ? undefined : member.slice(equals + 1))
  }
  return read
}

function readDuration(read: Writable, directive: Named<number>, argument: string | undefined): void {
  const bare = directive === 'maxStale' && argument === undefined ? Number.POSITIVE_INFINITY : 0
  const seconds = secondsOf(argument?.replace(/^"(.*)"$/, '$1')) ?? bare
  const before = read[directive]
  if (before === undefined) read[directive] = seconds
  else read[directive] = directive === 'minFresh' ? Math.max(before, seconds) : Math.min(before, seconds)
}

/** Formats a `Cache-Control` field. Durations are rounded down to whole seconds. */
export function writeCacheControl(directives: CacheControl): string {
  checkThat(isOptions(directives), 'Directives must be an object such as { maxAge: 60 }', directives)
  const members: string[] = []
  for (const [name, directive] of Object.entries(FLAGS)) if (directives[directive]) members.push(name)
  for (const [name, directive] of Object.entries(DURATIONS)) {
    const seconds = directives[directive]
    if (seconds === undefined) continue
    checkRange({ [directive]: seconds }, 0)
    if (seconds === Number.POSITIVE_INFINITY && directive === 'maxStale') members.push(name)
    else members.push(`${name}=${Math.floor(Math.min(seconds, 2 ** 31))}`)
  }
  return members.join(', ')
}
