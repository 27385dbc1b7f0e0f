import type { Milliseconds } from './backend.ts'
import { ConfigurationError } from './errors.ts'
import type { Ttl } from './ttl.ts'

/** Raises an error with the remedy when an option cannot work. */
export function checkThat(fine: boolean, otherwise: string): asserts fine {
  if (!fine) throw new ConfigurationError(otherwise)
}

/** Raises an error when there are no options where they are expected. */
export function checkOptions(strategy: string, options: unknown): void {
  checkThat(
    typeof options === 'object' && options !== null,
    `${strategy} takes the cache and an object of options, as in ${strategy}(cache, { … }, fn), not ${kindOfOption(options)}.`,
  )
}

/** Raises an error when an option that has to be a function is none. */
export function checkFunction(option: string, value: unknown): void {
  checkThat(value === undefined || typeof value === 'function', `${option} is a function, not ${kindOfOption(value)}.`)
}

/** Raises an error when there is nothing of that name. */
export function checkOneOf(what: string, name: string, known: readonly string[]): void {
  checkThat(known.includes(name), `There is no ${what} ${kindOfOption(name)}. The ${what}s are ${known.join(', ')}.`)
}

/** Raises an error when an option that has to be `true` or `false` is neither. */
export function checkFlags(flags: Readonly<Record<string, unknown>>): void {
  for (const [name, flag] of Object.entries(flags))
    checkThat(flag === undefined || typeof flag === 'boolean', `${name} is true or false, not ${kindOfOption(flag)}.`)
}

/** Raises an error when an option is no list of what fits. @param example Shows one. */
export function checkList(option: string, list: unknown, fits: (item: unknown) => boolean, example: string): void {
  const isFine = Array.isArray(list) && list.every(fits)
  checkThat(isFine, `${option} is a list such as ${example}, not ${kindOfOption(list)}.`)
}

/** Raises an error when an option is no whole number from 1 on. */
export function checkCount(option: string, count: unknown): void {
  const isFine = Number.isInteger(count) && (count as number) > 0
  checkThat(isFine, `${option} is a whole number from 1 on, not ${kindOfOption(count)}.`)
}

/** Raises an error when an option is no number from `least` to `most`. */
export function checkRange(
  numbers: Readonly<Record<string, unknown>>,
  least: number,
  most: number = Number.POSITIVE_INFINITY,
): void {
  const upTo = most === Number.POSITIVE_INFINITY ? 'on' : `to ${most}`
  for (const [name, number] of Object.entries(numbers)) {
    const fits = typeof number === 'number' && number >= least && number <= most
    checkThat(fits, `${name} is a number from ${least} ${upTo}, not ${kindOfOption(number)}.`)
  }
}

/** Shows what was given where something else was expected: text in quotes, so that `'5'` is not taken for 5. */
export function kindOfOption(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(kindOfOption)}]`
  return typeof value === 'function' ? 'a function' : typeof value === 'string' ? `'${value}'` : String(value)
}

/** Raises an error when an option is not one of the strategy's, naming those that are. */
export function checkNames(strategy: string, options: object, known: readonly string[]): void {
  checkOptions(strategy, options)
  checkKnown(strategy, options, known)
}

/** Raises an error when an option has none of the names that are known. */
export function checkKnown(what: string, options: object, known: readonly string[]): void {
  const stray = Object.keys(options).find((name) => !known.includes(name))
  checkThat(stray === undefined, `${what} has no option "${stray}". Its options: ${known.join(', ')}.`)
}

/** Makes what a strategy works with of what was given for an option. Raises an error when that cannot work. */
export type OptionReader<T> = (given: never, option: string, strategy: string) => T

/**
 * Reads the options of a strategy by a table that tells how each is read.
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

/** Reads a whole number from 1 on. @param usual What it is unless given. */
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
  checkFunction(option, given)
  return given
}

/** Reads a time. @param usual What it is unless given; absent: it has to be. */
export function timeOption(parse: (time: Ttl) => Milliseconds, usual?: Ttl): OptionReader<Milliseconds> {
  return (time: Ttl | undefined = usual, option, strategy) => {
    checkThat(time !== undefined, `${strategy} needs a ${option}, such as ${option}: '1m'.`)
    return parse(time)
  }
}
