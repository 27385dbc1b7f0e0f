import { type Awaitable, chain } from '../basics/awaitable.ts'
import { escapeGlob } from '../basics/glob.ts'
import { checkThat } from '../basics/options.ts'
import type { Call, CallOf } from '../command.ts'
import type { Middleware, Next } from '../middleware.ts'

/** How keys and patterns are written in the store, and read back from its streams. */
interface KeyChange {
  readonly key: (key: string) => string
  readonly pattern: (pattern: string) => string
  readonly back: (key: string) => string
  /** How tags are written; those that are told are read {@link back} too. @default as they are */
  readonly tag?: (tag: string) => string
}

/**
 * Puts `prefix` before every key, pattern and tag, and takes it off what `scan`, `getMatch` and `tags.of` tell. So caches
 * with different prefixes share a store, and neither reads, nor invalidates, what is the other's: `clear` deletes the keys
 * with the prefix. Only `getKeysCount` counts those of the whole store.
 */
export function addPrefix(prefix: string): Middleware {
  checkThat(typeof prefix === 'string', 'addPrefix takes text', prefix)
  const escaped = escapeGlob(prefix)
  const change = changeKeys({
    key: (key) => prefix + key,
    tag: (tag) => prefix + tag,
    pattern: (pattern) => escaped + pattern,
    back: (key) => (key.startsWith(prefix) ? key.slice(prefix.length) : key),
  })
  return (call, next) =>
    call.command === 'clear'
      ? chain(next({ command: 'deleteMatch', backend: call.backend, pattern: `${escaped}*` }), () => undefined)
      : change(call, next)
}

/** Writes every key and pattern in lower case. Tags stay as they are. */
export function keysLower(...given: readonly never[]): Middleware {
  checkThat(given.length === 0, 'keysLower takes no arguments. Call it where it is given, as in [keysLower()].')
  const lower = (text: string) => text.toLowerCase()
  return changeKeys({ key: lower, pattern: lower, back: (key) => key })
}

function changeKeys(change: KeyChange): Middleware {
  return (given, next) => {
    const call = change.tag ? withTags(given, change.tag) : given
    if (call.command === 'getTags')
      return chain(next({ ...call, key: change.key(call.key) }), (tags) =>
        Array.isArray(tags) && change.tag ? tags.map(change.back) : tags,
      )
    if ('key' in call) return next({ ...call, key: change.key(call.key) })
    if ('keys' in call) return next({ ...call, keys: call.keys.map(change.key) })
    if ('entries' in call)
      return next({ ...call, entries: call.entries.map(([key, value]) => [change.key(key), value] as const) })
    if ('pattern' in call) return throughPattern(call, next, change)
    return next(call)
  }
}

function withTags(call: Call, change: (tag: string) => string): Call {
  if (!('tags' in call) || call.tags === undefined || call.tags === 'any') return call
  return { ...call, tags: call.tags.map(change) } as Call
}

function throughPattern(
  call: CallOf<'scan' | 'getMatch' | 'deleteMatch'>,
  next: Next,
  { pattern, back }: KeyChange,
): Awaitable<unknown> {
  const changed: Call = { ...call, pattern: pattern(call.pattern) }
  if (call.command === 'deleteMatch') return next(changed)
  return call.command === 'scan'
    ? chain(next(changed), (keys) => mapped(keys as AsyncIterable<string>, back))
    : chain(next(changed), (pairs) =>
        mapped(pairs as AsyncIterable<readonly [string, unknown]>, ([key, value]) => [back(key), value] as const),
      )
}

async function* mapped<T, R>(source: AsyncIterable<T>, change: (item: T) => R): AsyncGenerator<R> {
  for await (const item of source) yield change(item)
}
