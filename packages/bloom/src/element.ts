import {
  type Awaitable,
  type Cache,
  type CheckedKey,
  ConfigurationError,
  checkNames,
  checkThat,
  checkType,
  compileKey,
  type KeyOptions,
  type KeySubject,
  kindOfOption,
  originalOf,
  type Target,
} from '@cashews/core'

/** A function with a yes-or-no answer. */
export type Question = (...args: never[]) => Awaitable<boolean>

/** Which element of a filter a call asks for. */
export interface ElementOptions<F extends Question, K extends string, N extends readonly string[]> {
  /** The name of the filter in the store. */
  readonly name: string
  /**
   * The element: a template such as `'{email:lower}'`, or a function of the arguments. When you change it, all elements
   * added so far become unknown: change `name` as well.
   *
   * @default all arguments: a single string as it is, anything else as in cache keys; for methods also `this`
   */
  readonly key?: CheckedKey<K, N, Parameters<F>> | ((...args: Parameters<F>) => string) | undefined
  /**
   * The names of the parameters by position: lets the compiler check templates, and makes them work in minified code.
   */
  readonly args?: N | undefined
  /** Whether the default element of a method leaves `this` out. @default false */
  readonly noSelf?: boolean | undefined
}

/** Renders the element of a call as text. */
export type MakeElement = (self: unknown, args: readonly unknown[]) => string

/**
 * Compiles how the element of a call is rendered. By default that depends on the values of the arguments alone, so that
 * parameters may be renamed: a single string is taken as it is, anything else as in cache keys. The elements of a
 * method belong to its instance.
 *
 * @throws {KeyTemplateError} When the template cannot work.
 * @throws {ConfigurationError} When the parameters cannot be read from the function's source.
 */
export function elementOf({ fn, kind }: Target, { name, key, args, noSelf }: Named): MakeElement {
  const subject: KeySubject = { fn: originalOf(fn), kind }
  const names = args === undefined ? {} : { args }
  const template = key ?? (kind === 'method' && !noSelf ? '{this}:' : '') + allArguments(subject, name, names)
  const { render } = compileKey(subject, { ...names, name, key: template })
  if (key !== undefined || template !== ONLY) return render
  return (self, given) => (typeof given[0] === 'string' ? given[0] : render(self, given))
}

type Named = KeyOptions & { readonly name: string }

/** The template of a single argument. */
const ONLY = '{0}'

function allArguments({ fn }: KeySubject, name: string, names: KeyOptions): string {
  const { template } = compileKey({ fn, kind: 'function' }, { ...names, name: 'element' })
  const count = template.match(/\{/g)?.length ?? 0
  if (count === 0 || (names.args === undefined && count !== fn.length))
    throw new ConfigurationError(
      `The filter "${name}" needs the option key, such as key: '{0}': its function has no parameters, or some with defaults.`,
    )
  return Array.from({ length: count }, (_, at) => `{${at}}`).join(':')
}

/** The names of these options. */
const elementNames: readonly string[] = ['name', 'key', 'args', 'noSelf']

/**
 * Checks what every filter needs.
 *
 * @throws {ConfigurationError} When there is no cache or no name, an option is unknown, or the function is none.
 */
export function checkFilter(
  strategy: string,
  cache: Cache,
  options: object,
  known: readonly string[],
  fn: unknown,
): void {
  checkThat(
    cache?.engine !== undefined,
    `${strategy} takes the cache first, made by createCache(), not ${kindOfOption(cache)}.`,
  )
  checkNames(strategy, options, [...elementNames, ...known])
  const { name } = options as { readonly name?: unknown }
  checkThat(typeof name === 'string' && name !== '', "A filter needs a name in the store, such as name: 'emails'.")
  checkType('function', { 'The function of a filter': fn })
}

/** Calls the wrapped function; what it throws becomes a rejection. */
export function askOf({ fn }: Target): (self: unknown, args: readonly unknown[]) => Promise<boolean> {
  return async (self, args) => Reflect.apply(fn, self, args as never) as Awaitable<boolean>
}

/** The arguments that an item of a load stands for. */
export function argsOf(item: unknown): readonly unknown[] {
  return Array.isArray(item) ? item : [item]
}
