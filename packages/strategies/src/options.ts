import { ConfigurationError } from '@cashews/core'

/** Raises an error with the remedy when an option of a strategy cannot work. */
export function checkThat(fine: boolean, otherwise: string): asserts fine {
  if (!fine) throw new ConfigurationError(otherwise)
}

/** Raises an error when an option is not one of the strategy's, naming those that are. */
export function checkNames(strategy: string, options: object, known: readonly string[]): void {
  const stray = Object.keys(options).find((name) => !known.includes(name))
  checkThat(stray === undefined, `${strategy} has no option "${stray}". Its options: ${known.join(', ')}.`)
}
