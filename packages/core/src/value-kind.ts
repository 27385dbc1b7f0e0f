import { ValueError } from './errors.ts'

/** Declares a private member, natively or as esbuild and TypeScript write it for older engines. */
const PRIVATE = /(?:[{};*\n]|static|get|set|async)\s*#[\w$]+\s*[=;(}\n]|\b__(?:private|classPrivate)/
const NATIVE = /\[native code\]\s*\}$/

/** What tells promises and streams, which are work and not data. */
const AT_WORK = ['then', 'pipe', 'getReader']

/** Says that a value is not data, and what to do about it. */
export function refuse(value: unknown, why: string): never {
  const name = typeof value === 'function' ? value.name : (value as object | null)?.constructor?.name
  const what = typeof value === 'object' ? `an object of class "${name}"` : `the ${typeof value} "${name}"`
  throw new ValueError(
    `Cannot keep ${what}: ${why}. Store plain data, give the class a [Symbol.for('cashews.clone')]() method, ` +
      `or choose isolation: 'none'.`,
  )
}

/**
 * Names the built-in class that a value is, or that its class extends: `Object`, `Map`, `Error`… `Immutable` is one
 * that nobody can change.
 *
 * @throws {ValueError} When there is more to the value than its properties show.
 */
export function kindOf(value: object): string {
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === null) return 'Object'
  if (AT_WORK.some((name) => name in prototype)) refuse(value, 'it is work in progress')
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at)) {
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
