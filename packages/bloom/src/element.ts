import {
  type Awaitable,
  type Cache,
  type CheckedKey,
  ConfigurationError,
  checkFunction,
  checkNames,
  checkThat,
  compileKey,
  type KeyOptions,
  type KeySubject,
  kindOfOption,
  originalOf,
  type Target,
} from '@cashews/core'

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
   * @default the arguments, all of them: a single text as it is, anything else as keys render it; in a method `this` too
   */
  readonly key?: CheckedKey<K, N, Parameters<F>> | ((...args: Parameters<F>) => string)
  /** Names of the parameters by position, for templates that are checked by the compiler, and for minified code. */
  readonly args?: N
  /** Whether the default element of a method leaves `this` out. @default false */
  readonly noSelf?: boolean
}

/** Makes the text of an element from the arguments of a call. */
export type MakeElement = (self: unknown, args: readonly unknown[]) => string

/**
 * Finds out how the text of an element is made. By default it is made of the values of the arguments alone, so that the
 * names of parameters may change: one text is taken as it is, and everything else as keys render it. Elements of a
 * method are those of its instance.
 *
 * @throws {KeyTemplateError} At definition: a template that cannot work.
 * @throws {ConfigurationError} At definition: a function whose arguments cannot be told from its source.
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
 * Raises an error when there is no cache, when an option does not exist, when there is no name, and when the function
 * is none.
 *
 * @throws {ConfigurationError}
 */
export function checkFilter(
  strategy: string,
  cache: Cache,
  options: object,
  known: readonly string[],
  fn: unknown,
): void {
  checkThat(
    typeof cache?.bitsNow === 'function',
    `${strategy} takes the cache first, made by createCache(), not ${kindOfOption(cache)}.`,
  )
  checkNames(strategy, options, [...elementNames, ...known])
  const { name } = options as { readonly name?: unknown }
  checkThat(
    typeof name === 'string' && name !== '',
    "A filter needs a name of its own in the store, such as name: 'emails'.",
  )
  checkFunction('What a filter stands before', fn)
}

/** Makes what asks the wrapped function. What it throws is a rejection. */
export function askOf({ fn }: Target): (self: unknown, args: readonly unknown[]) => Promise<boolean> {
  return async (self, args) => Reflect.apply(fn, self, args as never) as Awaitable<boolean>
}

/** The arguments that an element of a load stands for. */
export function argsOf(item: unknown): readonly unknown[] {
  return Array.isArray(item) ? item : [item]
}
