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

/** Makes a decorator of what wraps a target. */
export function decorator(wrapTarget: (target: Target) => AnyFunction): Decorator {
  return decorating('A strategy', wrapTarget) as Decorator
}
