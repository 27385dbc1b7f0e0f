import { NATIVE } from '../basics/realm.ts'
import { OMITTED } from './render.ts'
import { type Node, parameterList } from './source.ts'

/** One step of the path from the list of arguments to a name, with the default for `undefined`. */
export interface Hop {
  readonly key: string | number
  readonly fallback: unknown
}

/** A name that a parameter binds: its own, or one that it is destructured into. */
interface Binding {
  readonly name: string
  readonly path: readonly [Hop, ...Hop[]]
}

/** One parameter as it is declared. */
export interface Parameter {
  readonly rest: boolean
  readonly fallback: unknown
  readonly bindings: readonly Binding[]
  /** Whether the bindings are all that the function can see of the argument. */
  readonly complete: boolean
}

/** What a function's source says about its parameters. */
export interface Parameters {
  readonly list: readonly Parameter[]
  /** Whether the function may look at arguments that it does not declare. */
  readonly seesMore: boolean
}

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u
const QUOTED = /^(["'`])((?:(?!\1|\$\{)[^\\])*)\1$/
const SPELLINGS: Readonly<Record<string, unknown>> = { undefined, 'void 0': undefined, '! 0': true, '! 1': false }

/**
 * Reads the parameters of a function from its source, without running any of it. Gives `undefined` when there is no
 * source, as for native and bound functions, or it is not understood.
 */
export function readParameters(fn: (...args: never[]) => unknown): Parameters | undefined {
  const source = Function.prototype.toString.call(fn)
  if (NATIVE.test(source)) return undefined
  try {
    return { list: split(parameterList(source)).map(parameter), seesMore: /\b(arguments|eval)\b/.test(source) }
  } catch {
    return undefined
  }
}

/** Splits at commas. */
function split(nodes: readonly Node[]): Node[][] {
  const list: Node[][] = [[]]
  for (const node of nodes) {
    if (node === ',') list.push([])
    else list.at(-1)?.push(node)
  }
  return list.filter((item) => item.length)
}

function parameter(nodes: readonly Node[], key: number): Parameter {
  const rest = nodes[0] === '...'
  const [target = '', ...initializer] = nodes.slice(+rest)
  const fallback = defaultOf(initializer)
  const bindings: Binding[] = []
  const complete = bind(target, [{ key, fallback }], bindings)
  if (rest && target !== bindings[0]?.name) throw new SyntaxError() // takes its list apart
  return { rest, fallback, bindings, complete }
}

/** Collects the names that a target binds; tells whether they are all there is to see. */
function bind(target: Node, path: Binding['path'], bindings: Binding[]): boolean {
  if (typeof target === 'string') {
    if (!NAME.test(target)) throw new SyntaxError()
    bindings.push({ name: target, path })
    return true
  }
  if (target.open !== '{') return false // an array pattern takes any iterable apart, which a key must not do
  return split(target.nodes)
    .map(([word = '', ...after]) => {
      const key = typeof word === 'string' && word.replace(QUOTED, '$2')
      if (!key || /^[."'`]/.test(key)) return false // rest, computed or escaped
      const [inner = '', ...initializer] = after[0] === ':' ? after.slice(1) : [word, ...after]
      return bind(inner, [...path, { key, fallback: defaultOf(initializer) }], bindings)
    })
    .every(Boolean)
}

/** The value of `= literal`; {@link OMITTED} for what only the function can tell. */
function defaultOf([equals, ...nodes]: readonly Node[]): unknown {
  if (!equals) return undefined
  if (equals !== '=') throw new SyntaxError()
  const text = nodes.map((node) => (typeof node === 'string' ? node : node.text)).join(' ')
  if (Object.hasOwn(SPELLINGS, text)) return SPELLINGS[text]
  try {
    return JSON.parse(text.replace(QUOTED, (_, __, inner) => JSON.stringify(inner)))
  } catch {
    const number = +text.replace(/[ _]/g, '')
    return Number.isNaN(number) || /\b0\d/.test(text) ? OMITTED : number
  }
}
