import { checkThat, kindOfOption } from '@cashews/core'
import type { IteratedHandle } from '../iterator.ts'
import type { AnyFunction, Handle } from './function-types.ts'

/** The names of the methods of an object. */
export type MethodName<T> = { [N in keyof T]: T[N] extends AnyFunction ? N : never }[keyof T]

/** The handle of a method, by its return type. */
type HandleOf<F extends AnyFunction> = ReturnType<F> extends AsyncIterable<unknown> ? IteratedHandle<F> : Handle<F>

/**
 * Returns the {@link Handle} of a decorated method, which a decorator cannot express in its type.
 *
 * ```ts
 * await handleOf(shop, 'price').invalidate('bread') // price is decorated by cached
 * await handleOf(this, this.price).invalidate('bread') // in the class itself, and for private methods
 * ```
 *
 * @param self The instance; the class, for a static method.
 * @throws {ConfigurationError} When the method has no strategy.
 */
export function handleOf<T extends object, N extends MethodName<T>>(
  self: T,
  name: N,
): HandleOf<Extract<T[N], AnyFunction>>
export function handleOf<F extends AnyFunction>(self: object, method: F): HandleOf<F>
export function handleOf(self: object, what: AnyFunction | PropertyKey): HandleOf<AnyFunction> {
  const isName = typeof what === 'string' || typeof what === 'symbol'
  const methods = self as Readonly<Record<PropertyKey, unknown>> | undefined
  const method = (isName ? methods?.[what] : what) as { readonly of?: Handle<AnyFunction>['of'] } | undefined
  const which = `${kindOfOption(what)} of ${kindOfOption(self)}`
  checkThat(typeof method?.of === 'function', `${which} is not a method with a strategy around it.`)
  return method.of(self)
}
