import { type Awaitable, type CheckedKey, ConfigurationError, compileKey, type KeyOptions } from '@cashews/core'

/** A question with a yes-or-no answer. */
export type Question = (...args: never[]) => Awaitable<boolean>

/** Which element of the filter a call asks for. */
export interface ElementOptions<F extends Question, K extends string, N extends readonly string[]> {
  /** The name of the filter in the store. */
  readonly name: string
  /**
   * The element: a template such as `'{email:lower}'`, or a function of the arguments. A change of it makes all that
   * was added unknown: change `name` too.
   *
   * @default the arguments, all of them: a single text as it is, anything else as keys render it
   */
  readonly key?: CheckedKey<K, N, Parameters<F>> | ((...args: Parameters<F>) => string)
  /** Names of the parameters by position, for templates that are checked by the compiler, and for minified code. */
  readonly args?: N
}

/** Makes the text of an element from the arguments of a call. */
export type MakeElement = (self: unknown, args: readonly unknown[]) => string

/**
 * Finds out how the text of an element is made. By default it is made of the values of the arguments alone, so that the
 * names of parameters may change: one text is taken as it is, and everything else as keys render it.
 *
 * @throws {KeyTemplateError} At definition: a template that cannot work.
 * @throws {ConfigurationError} At definition: a function whose arguments cannot be told from its source.
 */
export function elementOf(fn: Question, { name, key, args }: KeyOptions & { readonly name: string }): MakeElement {
  if (typeof name !== 'string' || name === '')
    throw new ConfigurationError("A filter needs a name of its own in the store, such as name: 'emails'.")
  const names = args === undefined ? {} : { args }
  const template = key ?? allArguments(fn, name, names)
  const { render } = compileKey({ fn, kind: 'function' }, { ...names, name, key: template })
  if (key !== undefined || template !== ONLY) return render
  return (self, given) => (typeof given[0] === 'string' ? given[0] : render(self, given))
}

/** The template of a single argument. */
const ONLY = '{0}'

function allArguments(fn: Question, name: string, names: KeyOptions): string {
  const { template } = compileKey({ fn, kind: 'function' }, { ...names, name: 'element' })
  const count = template.match(/\{/g)?.length ?? 0
  if (count === 0 || (names.args === undefined && count !== fn.length))
    throw new ConfigurationError(
      `The filter "${name}" needs the option key, such as key: '{0}': its function has no parameters, or some with defaults.`,
    )
  return Array.from({ length: count }, (_, at) => `{${at}}`).join(':')
}

/** The names of these options. */
export const elementNames: readonly string[] = ['name', 'key', 'args']

/** Raises an error when an option is not one of the strategy's, naming those that are. */
export function checkNames(strategy: string, options: object, known: readonly string[]): void {
  const stray = Object.keys(options).find((name) => !known.includes(name))
  if (stray !== undefined)
    throw new ConfigurationError(`${strategy} has no option "${stray}". Its options: ${known.join(', ')}.`)
}
