import { isA } from '../basics/realm.ts'
import { escapeText } from './escape.ts'

/**
 * How a value becomes text.
 *
 * - `key`: injective. Text is escaped; everything else starts with `#` or `(`, so that `42` and `'42'` differ.
 * - `tag`: the same, but numbers, bigints, booleans and registered types are plain, as people write tags by hand.
 * - `raw`: nothing is escaped or marked.
 */
export type Rendering = 'key' | 'tag' | 'raw'

/** The value of an omitted parameter whose default only the function knows. */
export const OMITTED: unique symbol = Symbol('default')

/** The name of a method by which a class renders its instances: what it returns is rendered instead. */
const KEY_METHOD: unique symbol = Symbol.for('cashews.key') as never

const renderers = new Map<unknown, (value: never) => unknown>()

/** Remembers how to render the instances of a class, subclasses included. */
export function registerRenderer(prototype: unknown, renderer: (value: never) => unknown): void {
  renderers.set(prototype, renderer)
}

/** Returns what is rendered instead of an instance, according to its class; `undefined` if the class does not say. */
export function standIn(value: object): unknown {
  const method = (value as { [KEY_METHOD]?: () => unknown })[KEY_METHOD]
  if (typeof method === 'function') return method.call(value)
  for (let at: unknown = value; at && renderers.size; at = Object.getPrototypeOf(at)) {
    const renderer = renderers.get(at)
    if (renderer) return renderer(value as never)
  }
  if (value instanceof URL) return value.href
  return value instanceof Error ? `${value.name}:${value.message}` : undefined
}

/** Renders any value as a part of a key. */
export function render(value: unknown, as: Rendering): string {
  if (typeof value === 'string') return as === 'raw' ? value : escapeText(value)
  if (typeof value === 'object' && value) return renderObject(value, as)
  if (value === OMITTED) return '#default'
  if (typeof value === 'symbol' || typeof value === 'function') throw new Error(`A ${typeof value} has no key.`)
  return value == null || as === 'key' ? `#${value}${typeof value === 'bigint' ? 'n' : ''}` : `${value}`
}

function renderObject(value: object, as: Rendering): string {
  const nested = (item: unknown): string => render(item, as)
  const sorted = (entries: Iterable<readonly [unknown, unknown]>): string[] =>
    Array.from(entries, ([name, item]) => `${nested(name)}=${nested(item)}`).sort()

  if (Array.isArray(value)) return `(${Array.from(value, nested)})`

  const name = value.constructor?.name
  const other = standIn(value)
  if (other !== undefined) return as === 'key' ? `#${escapeText(name)}(${nested(other)})` : nested(other)

  const prototype: unknown = Object.getPrototypeOf(value)
  if (!prototype || !Object.getPrototypeOf(prototype)) {
    Object.getOwnPropertySymbols(value).forEach(nested) // fails: a symbol has no key
    return `(${sorted(Object.entries(value)).join() || '='})`
  }
  if (value instanceof Date && Number.isNaN(+value)) throw new Error('An invalid Date has no key.')
  if (value instanceof Date) return as === 'raw' ? value.toISOString() : `#${escapeText(value.toISOString())}`
  if (value instanceof Set) return `(${['#set', ...Array.from(value, nested).sort()]})`
  if (value instanceof Map) return `(${['#map', ...sorted(value)]})`
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) {
    return `#x${Buffer.from(value as Uint8Array).toString('hex')}`
  }
  for (const Class of [Date, Set, Map, Uint8Array, Error] as readonly (new (
    value: never,
  ) => object)[])
    if (isA(value, Class)) return renderObject(new Class(value as never), as) // from another realm into ours
  throw new Error(
    `A ${name} has no key: use formatter.registerType(${name}, …), a method [Symbol.for('cashews.key')](), ` +
      'or a key template with {user.id}, or without it.',
  )
}
