/** Matches the source of what is built-in. */
export const NATIVE: RegExp = /\[native code\]\s*\}$/

/**
 * Whether a value is an instance of a class, also of its equal in another realm if it is built-in: test runners and `node:vm`
 * run code in realms of their own, where `Error` is not the one of Node's modules.
 */
export function isA<T>(value: unknown, Class: abstract new (...args: never[]) => T): value is T {
  if (value instanceof Class) return true
  if (!value || !NATIVE.test(`${Class}`)) return false
  return `${value.constructor}` === `${Class}` || isA(Object.getPrototypeOf(value), Class)
}
