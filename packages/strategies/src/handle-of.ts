import { checkThat, kindOfOption } from '@cashews/core'
import type { AnyFunction, Handle } from './function-types.ts'
import type { IteratedHandle } from './iterator.ts'

/** The names of the methods of an object. */
export type MethodName<T> = { [N in keyof T]: T[N] extends AnyFunction ? N : never }[keyof T]

/** The handle of a method, by its return type. */
type HandleOf<F extends AnyFunction> = ReturnType<F> extends AsyncIterable<unknown> ? IteratedHandle<F> : Handle<F>

/**
 * Returns the {@link Handle} of a decorated method, which a decorator cannot express in its type.
 *
 * ```ts
 * await handleOf(shop, 'price').invalidate('bread') // price is decorated by cached
 * ```
 *
 * @param self The instance; the class, for a static method.
 * @throws {ConfigurationError} When the method has no strategy.
 */
export function handleOf<T extends object, N extends MethodName<T>>(
  self: T,
  name: N,
): HandleOf<Extract<T[N], AnyFunction>> {
  const isName = typeof name === 'string' || typeof name === 'symbol'
  const method = (isName ? (self as T | undefined)?.[name] : undefined) as
    | { readonly of?: (self: T) => HandleOf<Extract<T[N], AnyFunction>> }
    | undefined
  const which = `${kindOfOption(name)} of ${kindOfOption(self)}`
  checkThat(typeof method?.of === 'function', `${which} is not a method with a strategy around it.`)
  return method.of(self)
}
