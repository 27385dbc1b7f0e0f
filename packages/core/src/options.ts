import { ConfigurationError } from './errors.ts'

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

/** Raises an error when an option that has to be `true` or `false` is neither. */
export function checkFlags(flags: Readonly<Record<string, unknown>>): void {
  for (const [name, flag] of Object.entries(flags))
    checkThat(flag === undefined || typeof flag === 'boolean', `${name} is true or false, not ${kindOfOption(flag)}.`)
}

/** Names what was given where something else was expected. */
export function kindOfOption(value: unknown): string {
  return typeof value === 'function' ? 'a function' : String(value)
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
