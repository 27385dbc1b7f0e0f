import type { Milliseconds } from './backend.ts'
import { CommandError } from './errors.ts'
import { isOptions, kindOfOption } from './options.ts'
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
  let stray = isOptions(options) ? undefined : kindOfOption(options)
  for (const name in options) if (!known.includes(name)) stray ??= name
  if (stray !== undefined) throw new CommandError(`The options are { ${known.join(', ')} }, not ${stray}.`)
  return options
}

/** Refuses an argument of a command that cannot work. @param given What the error is to show. */
export function checkArgument(fine: unknown, otherwise: string, given: unknown): asserts fine {
  if (!fine) throw new CommandError(`${otherwise}, not ${kindOfOption(given)}.`)
}

/** Refuses an argument of a command that is no text. */
export function checkString(what: string, given: unknown): void {
  // Keys come this way: the message is made only for one that is no text.
  if (typeof given !== 'string') checkArgument(false, `${what} is text`, given)
}

/** Refuses what has to be called, and cannot be. */
export function checkCallable(given: unknown): void {
  checkArgument(typeof given === 'function', 'This has to be a function', given)
}

/** The lifetime that the options of a write ask for; without a `ttl`, it never ends. */
export function lifetimeOf(options: WriteOptions, known: readonly string[] = ['ttl', 'tags']): Milliseconds {
  const { ttl } = checkedOptions(options, known)
  return ttl === undefined ? Number.POSITIVE_INFINITY : parseTtl(ttl)
}

/** The pairs that {@link Cache.setMany} is to write. */
export function pairsOf(entries: Entries): (readonly [key: string, value: unknown])[] {
  const pairs =
    typeof entries === 'object' && entries && (Symbol.iterator in entries ? [...entries] : Object.entries(entries))
  checkArgument(pairs && pairs.every(Array.isArray), 'Entries are an object, a Map or pairs', entries)
  return pairs
}

/** Refuses whatever else can be iterated: a text would be taken for the list of its characters. */
export function checkArray(list: unknown): void {
  checkArgument(Array.isArray(list), "This has to be a list, such as ['a', 'b']", list)
}

/** Refuses a list of members with anything in it but text: stores of bytes would answer text for it. */
export function checkMembers(members: readonly unknown[]): void {
  checkArray(members)
  for (const member of members) checkString('A member', member)
}

/** Refuses an option of a command that is no whole number from 0 on. */
export function checkCounted(option: string, count: unknown): void {
  checkArgument(Number.isSafeInteger(count) && (count as number) >= 0, `${option} is a whole number from 0 on`, count)
}

/** Refuses to add anything but a whole number to a counter. */
export function checkWhole(by: number): void {
  checkArgument(Number.isSafeInteger(by), 'Counters are raised by whole numbers', by)
}
