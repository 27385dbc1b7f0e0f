import { decorating, type Target } from '@cashews/core'
import type { AnyFunction, Asynchronous, Wrapped } from './function-types.ts'

/** A compile-time check of a method: it has to be asynchronous already, as a decorator cannot change its type. */
type Decorable<F extends AnyFunction> =
  Asynchronous<F> extends F ? unknown : 'A decorated method must return a promise: declare it async.'

/**
 * A strategy without its function: a wrapper of functions, and a decorator of methods, static ones included (TC39
 * standard or TypeScript legacy).
 */
export interface Decorator {
  <F extends AnyFunction>(fn: F): Wrapped<F>
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F
  <F extends AnyFunction>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<F> & Decorable<F>,
  ): void
}

/**
 * Wraps the function, or returns a decorator if there is none. The stack of an error begins at the strategy, so that it
 * is short enough to show the line that defines the function.
 */
export function around(fn: AnyFunction | undefined, wrapTarget: (target: Target) => AnyFunction): never {
  const wrapping = (target: Target): AnyFunction => {
    try {
      return wrapTarget(target)
    } catch (error) {
      Error.captureStackTrace(error as Error, wrapping)
      throw error
    }
  }
  return (fn === undefined ? decorating('A strategy', wrapping) : wrapping({ fn, kind: 'function' })) as never
}
