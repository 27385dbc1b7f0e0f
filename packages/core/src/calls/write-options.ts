import type { Milliseconds } from '../backend.ts'
import { checkArgument } from '../basics/arguments.ts'
import { isOptions, strayOf } from '../basics/options.ts'
import { CommandError } from '../errors.ts'
import { parseTtl, type Ttl } from '../ttl.ts'

/** Settings of a write. */
export interface WriteOptions {
  /** The time to live. @default Infinity: until deleted or evicted */
  readonly ttl?: Ttl | undefined
  /** Names under which the key can be invalidated. They need `@cashews/tags`. */
  readonly tags?: readonly string[] | undefined
}

/** Settings of {@link Cache.set}. */
export interface SetOptions extends WriteOptions {
  /** `true`: write only over a key that is there; `false`: only where there is none. */
  readonly exists?: boolean | undefined
}

/** What {@link Cache.setMany} takes: an object, a Map, or pairs. */
export type Entries = Readonly<Record<string, unknown>> | Iterable<readonly [key: string, value: unknown]>

/**
 * Returns the options of a command, and refuses unknown ones. A misspelt option would otherwise go unnoticed, such as a
 * write without its ttl or its tags.
 */
export function checkedOptions<O extends object>(options: O, known: readonly string[]): O {
  const stray = strayOf(options, known)
  if (stray !== undefined) throw new CommandError(`The options are { ${known.join(', ')} }, not ${stray}.`)
  return options
}

/** The lifetime of a write: its `ttl`, or forever. */
export function lifetimeOf(options: WriteOptions, known: readonly string[] = ['ttl', 'tags']): Milliseconds {
  const { ttl } = checkedOptions(options, known)
  return ttl === undefined ? Number.POSITIVE_INFINITY : parseTtl(ttl)
}

/** The pairs that {@link Cache.setMany} writes. */
export function pairsOf(entries: Entries): (readonly [key: string, value: unknown])[] {
  const pairs =
    typeof entries === 'object' &&
    entries &&
    (Symbol.iterator in entries ? [...entries] : isOptions(entries) && Object.entries(entries))
  checkArgument(pairs && pairs.every(Array.isArray), 'Entries must be an object, a Map or pairs', entries)
  return pairs
}
