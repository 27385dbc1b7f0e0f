import { NATIVE } from '../basics/realm.ts'
import { ValueError } from '../errors.ts'

/** Matches a private member in the source of a class: native, or as esbuild and TypeScript compile it for older engines. */
const PRIVATE = /(?:[{};*\n]|static|get|set|async)\s*#[\w$]+\s*[=;(}\n]|\b__(?:private|classPrivate)/

/** Methods of promises and streams, which are not data. */
const AT_WORK = ['then', 'pipe', 'getReader']

/** Throws the error for a value that is not data. */
export function refuse(value: unknown, why: string): never {
  const name = typeof value === 'function' ? value.name : (value as object | null)?.constructor?.name
  const what = typeof value === 'object' ? `an object of class "${name}"` : `the ${typeof value} "${name}"`
  throw new ValueError(
    `Cannot store ${what}: ${why}. Store plain data, give the class a [Symbol.for('cashews.clone')]() method, ` +
      `or choose isolation: 'none'.`,
  )
}

/**
 * The built-in class that a value is an instance of: `Object`, `Map`, `Error`… or `Immutable` if it cannot be changed.
 *
 * @throws {ValueError} When the value has state that its properties do not show.
 */
export function kindOf(value: object): string {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === null) return 'Object'
  if (AT_WORK.some((name) => name in prototype)) refuse(value, 'it is work in progress')
  for (let at: object | null = prototype; at; at = Object.getPrototypeOf(at)) {
    if (!Object.hasOwn(at, 'constructor')) continue
    const source = typeof at.constructor === 'function' ? Function.prototype.toString.call(at.constructor) : '#x;'
    if (PRIVATE.test(`;${source}`)) refuse(value, 'it has private state')
    if (NATIVE.test(source)) return nativeKind(at)
  }
  return 'Object'
}

function nativeKind(prototype: object): string {
  const { name } = prototype.constructor
  const tag: unknown = Reflect.get(prototype, Symbol.toStringTag)
  if (/^(?:Temporal|Intl)\./.test(String(tag))) return 'Immutable'
  return name.endsWith('Error') ? 'Error' : name
}
