import { decorating, type Target } from '@cashews/core'
import type { AnyFunction, Wrapped } from './function-types.ts'

/**
 * A strategy waiting for its function. It is called with the function, or stands before a method: as a TC39 standard
 * decorator or as a TypeScript legacy one, on static methods too.
 */
export interface Decorator {
  <F extends AnyFunction>(fn: F): Wrapped<F>
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F
  <F extends AnyFunction>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
}

/** Wraps the function, or answers a decorator that waits for it. */
export function around(fn: AnyFunction | undefined, wrapTarget: (target: Target) => AnyFunction): never {
  return (fn === undefined ? decorating('A strategy', wrapTarget) : wrapTarget({ fn, kind: 'function' })) as never
}
