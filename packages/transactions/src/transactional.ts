import { type Cache, checkThat, decorating, named } from '@cashews/core'
import { checkCopy, settingsOf, type TransactionOptions } from './options.ts'
import { transaction } from './transaction.ts'

type AnyFunction = (...args: never[]) => unknown

/** A transactional function is asynchronous; one that was already keeps its exact type. */
type Asynchronous<F extends AnyFunction> =
  ReturnType<F> extends PromiseLike<unknown> ? F : (...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>

/** A compile-time check of a method: it has to be asynchronous already, as a decorator cannot change its type. */
type Decorable<F extends AnyFunction> =
  Asynchronous<F> extends F ? unknown : 'A decorated method must return a promise: declare it async.'

/** {@link transactional} without its function, or before a method: as a TC39 decorator or a TypeScript legacy one. */
export interface TransactionalDecorator {
  <F extends AnyFunction>(fn: F): Asynchronous<F>
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F
  <F extends AnyFunction>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<F> & Decorable<F>,
  ): void
}

/**
 * Runs each call of a function in a transaction of its own. Methods of the function, such as `invalidate` of a cached
 * one, are kept.
 *
 * ```ts
 * const login = transactional(cache, { mode: 'locked' }, async (user: User, session: string) => …)
 * ```
 *
 * @throws {ConfigurationError} At definition: an option that does not exist or cannot work.
 */
export function transactional(cache: Cache, options?: TransactionOptions): TransactionalDecorator
export function transactional<F extends AnyFunction>(cache: Cache, options: TransactionOptions, fn: F): Asynchronous<F>
export function transactional(cache: Cache, options: TransactionOptions = {}, fn?: AnyFunction): unknown {
  checkThat(cache?.engine !== undefined, 'transactional takes the cache first', cache)
  checkCopy(cache)
  settingsOf(options)
  const wrap = (inner: AnyFunction): AnyFunction => {
    const wrapped = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      return transaction(cache, () => Reflect.apply(inner, this, args), options)
    }
    return named(wrapped, inner)
  }
  const decorator = decorating('A transaction', (target) => wrap(target.fn))
  return fn === undefined ? decorator : decorator(fn)
}
