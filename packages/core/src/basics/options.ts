import type { Milliseconds } from '../backend.ts'
import { ConfigurationError } from '../errors.ts'
import type { Ttl } from '../ttl.ts'
import { isPending } from './awaitable.ts'

/** Options of which each was given or has its default. */
export type Complete<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

/** Raises an error with the remedy when an option cannot work. @param given What the error is to show. */
export function checkThat(fine: boolean, otherwise: string, ...given: readonly unknown[]): asserts fine {
  if (!fine) throw new ConfigurationError(given.length > 0 ? `${otherwise}, not ${kindOfOption(given[0])}.` : otherwise)
}

/** Whether something can be options: an object, but not an array, and not a promise that nobody awaited. */
export function isOptions(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !Array.isArray(given) && !isPending(given)
}

/** What keeps something from being options: an unknown name, or what it is instead. */
export function strayOf(options: object, known: readonly string[]): string | undefined {
  let stray = isOptions(options) ? undefined : kindOfOption(options)
  // Inherited names too: those of an AbortSignal, say, given instead of options.
  for (const name in options) if (!known.includes(name)) stray ??= name
  return stray
}

/** Raises an error when options are missing. */
export function checkOptions(what: string, options: unknown): void {
  checkThat(isOptions(options), `${what} takes an object of options`, options)
}

const KINDS = { boolean: 'true or false', function: 'a function', string: 'text' }

/** Raises an error when one of the options is given, and of another type. */
export function checkType(type: keyof typeof KINDS, options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options))
    checkThat(value === undefined || typeof value === type, `${name} must be ${KINDS[type]}`, value)
}

/** Raises an error when a name is unknown, and lists the known ones. */
export function checkOneOf(what: string, name: string, known: readonly string[]): void {
  checkThat(known.includes(name), `There is no ${what} ${kindOfOption(name)}. The ${what}s are ${known.join(', ')}.`)
}

/** Raises an error when an option is not a list of one type. @param example A valid list, for the message. */
export function checkList(type: keyof typeof KINDS, option: string, list: unknown, example: string): void {
  const isFine = Array.isArray(list) && list.every((item) => typeof item === type)
  checkThat(isFine, `${option} must be a list such as ${example}`, list)
}

/** Raises an error when an option is not a whole number of at least 1. */
export function checkCount(option: string, count: unknown): void {
  const isFine = Number.isInteger(count) && (count as number) > 0
  checkThat(isFine, `${option} must be a whole number from 1 on`, count)
}

/** Raises an error when an option is not a number from `least` to `most`. */
export function checkRange(
  numbers: Readonly<Record<string, unknown>>,
  least: number,
  most: number = Number.POSITIVE_INFINITY,
): void {
  const upTo = most === Number.POSITIVE_INFINITY ? 'on' : `to ${most}`
  for (const [name, number] of Object.entries(numbers)) {
    const fits = typeof number === 'number' && number >= least && number <= most
    checkThat(fits, `${name} must be a number from ${least} ${upTo}`, number)
  }
}

/** How many characters, items or names of a given value are shown. */
const MOST_SHOWN = 99

/**
 * Shows a wrong value in a message: strings in quotes, so that `'5'` is not taken for 5, and of an object only its class
 * and its property names, as their values may be secret. Never throws.
 *
 * @param nth The value's index, if it is an item of a list. Lists in lists are not shown, as a list may contain itself.
 */
export function kindOfOption(value: unknown, nth?: number): string {
  if (typeof value === 'string') return `'${value.slice(0, MOST_SHOWN)}'`
  if (typeof value === 'function') return 'a function'
  if (Object(value) !== value) return String(value) + (typeof value === 'bigint' ? 'n' : '')
  try {
    if (nth === undefined && Array.isArray(value)) return `[${value.slice(0, MOST_SHOWN).map(kindOfOption)}]`
    const { [Symbol.toStringTag]: tag } = value as { readonly [Symbol.toStringTag]?: string }
    const name = tag ?? (value as object).constructor?.name ?? 'Object'
    return `${name} {${Object.keys(value as object).slice(0, MOST_SHOWN)}}`
  } catch {
    return 'an object'
  }
}

/** Raises an error when options are missing, or an option is unknown. */
export function checkKnown(what: string, options: object, known: readonly string[]): void {
  const stray = strayOf(options, known)
  checkThat(stray === undefined, `${what} takes the options { ${known.join(', ')} }, not ${stray}.`)
}

/** The same for a strategy. */
export function checkNames(strategy: string, options: object, known: readonly string[]): void {
  checkKnown(`${strategy}(cache, { … }, fn)`, options, known)
}

/** Converts the given value of an option. Raises an error when it cannot work. */
export type OptionReader<T> = (given: never, option: string, strategy: string) => T

/**
 * Reads the options of a strategy, by a table with a reader for each.
 *
 * @param others The names of options that are read elsewhere.
 */
export function readOptions<T extends Readonly<Record<string, OptionReader<unknown>>>>(
  strategy: string,
  options: object,
  table: T,
  others: readonly string[],
): { readonly [N in keyof T]: ReturnType<T[N]> } {
  checkNames(strategy, options, [...others, ...Object.keys(table)])
  const given = options as Readonly<Record<string, never>>
  const read = Object.entries(table).map(([name, reader]) => [name, reader(given[name] as never, name, strategy)])
  return Object.fromEntries(read)
}

/** Reads a whole number of at least 1. @param usual The default. */
export function countOption(usual?: number): OptionReader<number> {
  return (count: number | undefined = usual, option) => {
    checkCount(option, count)
    return count as number
  }
}

/** Reads a number from `least` to `most`. */
export function rangeOption(least: number, most: number): OptionReader<number> {
  return (number: number, option) => {
    checkRange({ [option]: number }, least, most)
    return number
  }
}

/** Reads a function, which may be missing. */
export function functionOption<F>(given: F, option: string): F {
  checkType('function', { [option]: given })
  return given
}

/** Reads a time. @param usual The default; absent: the option is required. */
export function timeOption(
  parse: (time: Ttl, option: string) => Milliseconds,
  usual?: Ttl,
): OptionReader<Milliseconds> {
  return (time: Ttl | undefined = usual, option, strategy) => {
    checkThat(time !== undefined, `${strategy} needs a ${option}, such as ${option}: '1m'.`)
    return parse(time, option)
  }
}
