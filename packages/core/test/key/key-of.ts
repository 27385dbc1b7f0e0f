import { compileKey, type KeyOptions } from '../../src/key/compile-key.ts'

type AnyFunction = (...args: never[]) => unknown

/** Makes the key of one call of a function. */
export function keyOf(fn: AnyFunction, options: KeyOptions, ...args: unknown[]): string {
  return compileKey({ fn, kind: 'function' }, options).render(undefined, args)
}

/** Makes the key of one call of a method. */
export function methodKey(self: object, fn: AnyFunction, options: KeyOptions, ...args: unknown[]): string {
  return compileKey({ fn, kind: 'method', className: self.constructor.name }, options).render(self, args)
}
