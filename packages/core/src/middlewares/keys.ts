import { type Awaitable, chain } from '../awaitable.ts'
import type { Call, CallOf } from '../command.ts'
import { escapeGlob } from '../glob.ts'
import type { Middleware, Next } from '../middleware.ts'

/** How keys and patterns are written in the store, and read back from its streams. */
interface KeyChange {
  readonly key: (key: string) => string
  readonly pattern: (pattern: string) => string
  readonly back: (key: string) => string
}

/** Puts `prefix` before every key and pattern, and takes it off what `scan` and `getMatch` yield. */
export function addPrefix(prefix: string): Middleware {
  const escaped = escapeGlob(prefix)
  return changeKeys({
    key: (key) => prefix + key,
    pattern: (pattern) => escaped + pattern,
    back: (key) => (key.startsWith(prefix) ? key.slice(prefix.length) : key),
  })
}

/** Writes every key and pattern in lower case. */
export function keysLower(): Middleware {
  const lower = (text: string) => text.toLowerCase()
  return changeKeys({ key: lower, pattern: lower, back: (key) => key })
}

function changeKeys(change: KeyChange): Middleware {
  return (call, next) => {
    if ('key' in call) return next({ ...call, key: change.key(call.key) })
    if ('keys' in call) return next({ ...call, keys: call.keys.map(change.key) })
    if ('entries' in call)
      return next({ ...call, entries: call.entries.map(([key, value]) => [change.key(key), value] as const) })
    if ('pattern' in call) return throughPattern(call, next, change)
    return next(call)
  }
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
