import type { Milliseconds } from './backend.ts'
import { CommandError } from './errors.ts'
import { isOptions, kindOfOption, strayOf } from './options.ts'
import { parseTtl, type Ttl } from './ttl.ts'

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

/** Refuses an argument of a command that cannot work. @param given What the error is to show. */
export function checkArgument(fine: unknown, otherwise: string, given: unknown): asserts fine {
  if (!fine) throw new CommandError(`${otherwise}, not ${kindOfOption(given)}.`)
}

/** Refuses an argument of a command that is not a string. */
export function checkString(what: string, given: unknown): void {
  // On the way of every key: the message is only made for a wrong one.
  if (typeof given !== 'string') checkArgument(false, `${what} must be text`, given)
}

/** Refuses an argument that is not a function. */
export function checkCallable(given: unknown): void {
  checkArgument(typeof given === 'function', 'This has to be a function', given)
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

/** Refuses anything but an array: a string would be taken for the list of its characters. */
export function checkArray(list: unknown): void {
  checkArgument(Array.isArray(list), "This has to be a list, such as ['a', 'b']", list)
}

/** Refuses a list with anything but strings: stores of bytes would return strings for it. */
export function checkMembers(members: readonly unknown[]): void {
  checkArray(members)
  for (const member of members) checkString('A member', member)
}

/** Refuses an option of a command that is not a whole number of at least 0. */
export function checkCounted(option: string, count: unknown): void {
  checkArgument(
    Number.isSafeInteger(count) && (count as number) >= 0,
    `${option} must be a whole number from 0 on`,
    count,
  )
}

/** Refuses to add anything but a whole number to a counter. */
export function checkWhole(by: number): void {
  checkArgument(Number.isSafeInteger(by), 'A counter changes by whole numbers', by)
}
