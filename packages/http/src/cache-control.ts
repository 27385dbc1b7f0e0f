import { type Field, membersOf, secondsOf } from './field.ts'

/** The directives of a `Cache-Control` field (RFC 9111 §5.2, RFC 5861, RFC 8246). Durations are in seconds. */
export interface CacheControl {
  readonly public?: boolean | undefined
  readonly private?: boolean | undefined
  readonly noStore?: boolean | undefined
  readonly noCache?: boolean | undefined
  readonly maxAge?: number | undefined
  readonly sMaxage?: number | undefined
  readonly mustRevalidate?: boolean | undefined
  readonly proxyRevalidate?: boolean | undefined
  readonly mustUnderstand?: boolean | undefined
  readonly noTransform?: boolean | undefined
  readonly immutable?: boolean | undefined
  readonly staleWhileRevalidate?: number | undefined
  readonly staleIfError?: number | undefined
  /** Of a request. `Infinity`: any staleness. */
  readonly maxStale?: number | undefined
  /** Of a request. */
  readonly minFresh?: number | undefined
  /** Of a request. */
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
 * field names are treated as without them (as RFC 9111 §5.2.2.4 and §5.2.2.7 allow).
 */
export function parseCacheControl(field: Field): CacheControl {
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
  const seconds = secondsOf(argument?.startsWith('"') ? argument.slice(1, -1) : argument) ?? bare
  const before = read[directive]
  if (before === undefined) read[directive] = seconds
  else read[directive] = directive === 'minFresh' ? Math.max(before, seconds) : Math.min(before, seconds)
}

/** Formats a `Cache-Control` field. Durations are rounded down to whole seconds. */
export function writeCacheControl(directives: CacheControl): string {
  const members: string[] = []
  for (const [name, directive] of Object.entries(FLAGS)) if (directives[directive]) members.push(name)
  for (const [name, directive] of Object.entries(DURATIONS)) {
    const seconds = directives[directive]
    if (seconds === Number.POSITIVE_INFINITY && directive === 'maxStale') members.push(name)
    else if (seconds !== undefined) members.push(`${name}=${Math.floor(Math.min(seconds, 2 ** 31))}`)
  }
  return members.join(', ')
}
