import { checkList } from '../basics/options.ts'
import { type Hop, type Parameter, readParameters } from './parameters.ts'
import { OMITTED } from './render.ts'

/** Takes a value from a call. */
export type Read = (self: unknown, args: readonly unknown[]) => unknown

/** Where the value of a name comes from. */
export interface Root {
  readonly read: Read
  /** The position of the argument, if the value depends on one argument only. */
  readonly position?: number
}

/** What the names of a function's parameters mean. */
export interface Signature {
  readonly names: ReadonlyMap<string, Root>
  /** Finds the argument at a position; `undefined` when the function cannot see one there. */
  position(at: number): Root | undefined
  /** The placeholders of a derived template; `undefined` when the parameters are not known. */
  readonly derived: readonly string[] | undefined
  /** From which position on the function sees arguments that a derived template does not name, if it does. */
  readonly unnamedFrom: number | undefined
}

/** Finds out what the parameters of a function are called: from `args` when given, else from its source. */
export function signatureOf(fn: (...args: never[]) => unknown, args?: readonly string[]): Signature {
  if (args !== undefined) checkList('string', 'args', args, "['id']")
  const { list, seesMore } = readParameters(fn) ?? { list: undefined, seesMore: true }
  const all = list ?? []
  const isOpen = seesMore || all.at(-1)?.rest === true
  const position = (at: number): Root | undefined =>
    isOpen || at < all.length ? bound([{ key: at, fallback: all[at]?.fallback }]) : undefined

  const declared: readonly Parameter[] | undefined =
    args?.map((name, key) => {
      const fallback = all[key]?.fallback
      return { rest: false, fallback, complete: true, bindings: [{ name, path: [{ key, fallback }] }] }
    }) ?? list
  const named = declared ?? []
  return {
    names: new Map(named.flatMap(({ bindings, rest }) => bindings.map(({ name, path }) => [name, bound(path, rest)]))),
    position,
    derived: declared?.flatMap(({ bindings, complete }, at) =>
      complete ? bindings.map(({ name }) => `${name}:{${name}}`) : `${at}:{${at}}`,
    ),
    unnamedFrom: !named.at(-1)?.rest && (isOpen || all.length > named.length) ? named.length : undefined,
  }
}

/** Follows a path as the function itself does: `undefined` is replaced by its default. */
function bound(path: readonly [Hop, ...Hop[]], rest = false): Root {
  const [{ key, fallback }] = path
  const position = +key
  if (rest) return { read: (_, args) => args.slice(position) }
  if (path.length === 1)
    return { read: (_, args) => (args[position] === undefined ? fallback : args[position]), position }
  return { read: (_, args) => path.reduce<unknown>(hop, args) }
}

function hop(value: unknown, { key, fallback }: Hop): unknown {
  if (value === OMITTED) return value
  const next = (value as Record<string, unknown>)[key] // fails as the function's own destructuring would
  return next === undefined ? fallback : next
}
