import type { Milliseconds } from './backend.ts'
import { CommandError } from './errors.ts'
import { kindOfOption } from './options.ts'
import { parseTtl, type Ttl } from './ttl.ts'

/** Settings of a write. */
export interface WriteOptions {
  /** @default Infinity: until deleted or evicted */
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
 * Answers the options of a command as they are, and refuses any that it does not have. A misspelt one would otherwise go
 * unnoticed: a write without its ttl or its tags, fields of another size.
 */
export function checkedOptions<O extends object>(options: O, known: readonly string[]): O {
  if (typeof options !== 'object' || options === null) throw unknownOptions(kindOfOption(options), known)
  for (const name in options) if (!known.includes(name)) throw unknownOptions(name, known)
  return options
}

function unknownOptions(given: string, known: readonly string[]): CommandError {
  return new CommandError(`The options are { ${known.join(', ')} }, not ${given}.`)
}

/** The lifetime that the options of a write ask for; without a `ttl`, it never ends. */
export function lifetimeOf(options: WriteOptions, known: readonly string[] = ['ttl', 'tags']): Milliseconds {
  const { ttl } = checkedOptions(options, known)
  return ttl === undefined ? Number.POSITIVE_INFINITY : parseTtl(ttl)
}

/** The pairs that {@link Cache.setMany} is to write. */
export function pairsOf(entries: Entries): (readonly [key: string, value: unknown])[] {
  if (typeof entries === 'object' && entries !== null) {
    const pairs = Symbol.iterator in entries ? [...entries] : Object.entries(entries)
    if (pairs.every(Array.isArray)) return pairs
  }
  throw new CommandError(`Entries are an object, a Map or pairs, not ${kindOfOption(entries)}.`)
}

/** Refuses whatever else can be iterated: a text would be taken for the list of its characters. */
export function checkArray(list: unknown): void {
  if (!Array.isArray(list))
    throw new CommandError(`This has to be a list, such as ['a', 'b'], not ${kindOfOption(list)}.`)
}

/** Refuses to add anything but a whole number to a counter. */
export function checkWhole(by: number): void {
  if (!Number.isSafeInteger(by))
    throw new CommandError(`Counters are raised by whole numbers, not by ${kindOfOption(by)}.`)
}
