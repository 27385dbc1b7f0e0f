import {
  type Cache,
  ConfigurationError,
  checkType,
  decorating,
  kindOfOption,
  type NotYetKnown,
  named,
  parseTtl,
  type Target,
  type Ttl,
} from '@cashews/core'
import { AgingFilter } from './aging-filter.ts'
import { BloomFilter } from './bloom-filter.ts'
import { argsOf, askOf, checkFilter, type ElementOptions, elementOf, type Question } from './element.ts'
import type { Estimate, Filter } from './filter.ts'
import { type LoadOptions, load, type Source } from './loading.ts'
import { type SizingOptions, sizingNames, sizingOf, storedNameOf } from './sizing.ts'

/** Settings of {@link bloom}. */
export interface BloomOptions<
  F extends Question = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends SizingOptions,
    ElementOptions<F, K, N> {
  /** Whether the function is asked when the filter says yes, which may be wrong, unlike a no. @default true */
  readonly checkFalsePositive?: boolean | undefined
  /** How long the filter lives after its first element; with `rotate`, how long each element does. @default Infinity */
  readonly ttl?: Ttl | undefined
  /**
   * Lets each element expire on its own, after `ttl` and at most `ttl / rotate` longer. The filter then consists of
   * this many slices of time, and denies nothing before it has existed for a whole `ttl`.
   *
   * @default all elements expire together
   */
  readonly rotate?: number | undefined
}

/** The arguments of a call; for a function with one parameter that is not an array, also the bare argument. */
export type ElementOf<F extends Question> =
  | Parameters<F>
  | (Parameters<F> extends [infer Only] ? (Only extends readonly unknown[] ? never : Only) : never)

/** The methods of a function behind a filter. They take the function's own arguments. */
export interface BloomHandle<F extends Question> {
  /** Asks the function, and adds the element if it says yes. Resolves to whether the element was added. */
  set(...args: Parameters<F>): Promise<boolean>
  /**
   * Adds every element without asking the function, after which the filter is complete. Until then it denies nothing,
   * unless it was complete before. Resolves to the number of elements.
   *
   * @throws {LoadStoppedError} When the store does not take a batch: continue with `from: error.done`.
   * @throws {FilterLostError} When elements loaded before are gone from the store: start over.
   * @throws {CommandError} When the elements are not an iterable, or an option cannot work.
   */
  setMany(elements: Source<ElementOf<F>>, options?: LoadOptions): Promise<number>
  /** Estimates how full the filter is, from a sample of its bits. */
  estimate(): Promise<Estimate>
  /** Empties the filter. The next element starts a new one. */
  clear(): Promise<void>
  /** The name of the filter in the store, with which its keys begin. */
  readonly storedName: string
  /** The same methods for a decorated method of an instance: `shop.sells.of(shop).set('bread')`. */
  of(self: object): BloomHandle<F>
}

/** A function behind a filter: it keeps its name, and gains a {@link BloomHandle}. */
export interface Bloom<F extends Question> extends BloomHandle<F> {
  (...args: Parameters<F>): Promise<boolean>
}

/**
 * {@link bloom} without its function: a wrapper of functions, and a decorator of methods (TC39 or TypeScript legacy).
 */
export interface BloomDecorator {
  <F extends Question>(fn: F): Bloom<F>
  <F extends Question>(method: F, context: ClassMethodDecoratorContext): F
  <F extends Question>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
}

/**
 * Answers no without asking a slow function when a Bloom filter in the store knows that the answer is no.
 *
 * The function is asked whenever the filter cannot know: when it is still empty, when it was evicted, deleted or has
 * expired, and when its store is away.
 *
 * ```ts
 * const emailExists = bloom(cache, { name: 'emails', capacity: 10_000, falsePositives: 1 }, async (email: string) => db.hasEmail(email))
 * await emailExists.setMany(db.emails())
 * await emailExists('nobody@example.com') // false, and the database was not asked
 * ```
 *
 * @throws {ConfigurationError} At definition, when there is no name or an option is unknown or cannot work.
 * @throws {TtlError} At definition, when `ttl` is invalid.
 */
export function bloom<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: BloomOptions<NotYetKnown, K, N>,
): BloomDecorator
export function bloom<F extends Question, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: BloomOptions<F, K, N>,
  fn: F,
): Bloom<F>
export function bloom(cache: Cache, options: BloomOptions, fn?: Question): BloomDecorator | Bloom<Question> {
  checkFilter('bloom', cache, options, [...sizingNames, 'checkFalsePositive', 'ttl', 'rotate'], fn)
  const { name, checkFalsePositive = true } = options
  checkType('boolean', { checkFalsePositive })
  const [storedName, filter] = filterOf(cache, options)
  const seen = () => ({ strategy: 'bloom', template: name })

  const wrapTarget = (target: Target): Bloom<Question> => {
    const textOf = elementOf(target, options as never)
    const ask = askOf(target)
    const judge = (self: unknown, args: readonly unknown[], isIn: boolean | undefined): Promise<boolean> => {
      const asks = isIn === undefined || (isIn && checkFalsePositive)
      cache.engine.detected(storedName, seen, asks ? { hit: false, reason: 'miss' } : { hit: true })
      return asks ? ask(self, args) : isIn ? YES : NO
    }
    const call = function (this: unknown, ...args: unknown[]): Promise<boolean> {
      try {
        const isIn = filter.has(textOf(this, args))
        return typeof isIn === 'object' ? isIn.then((later) => judge(this, args, later)) : judge(this, args, isIn)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    const handle = (self: unknown) => ({
      set: async (...args: unknown[]) => ((await ask(self, args)) ? filter.add(textOf(self, args)) : false),
      setMany: (items: Source<unknown>, how: LoadOptions = {}) =>
        load(filter, name, items, (item) => textOf(self, argsOf(item)), how),
      estimate: () => filter.estimate(),
      clear: () => filter.clear(),
      storedName,
      of: handle,
    })
    return named(call, target.fn, handle(undefined)) as unknown as Bloom<Question>
  }
  return fn === undefined
    ? (decorating('A filter', wrapTarget) as BloomDecorator)
    : wrapTarget({ fn, kind: 'function' })
}

const YES: Promise<boolean> = /* @__PURE__ */ Promise.resolve(true)
const NO: Promise<boolean> = /* @__PURE__ */ Promise.resolve(false)

/** Creates the filter, with its name in the store. */
function filterOf(cache: Cache, { name, ttl, rotate, capacity, ...size }: BloomOptions): [string, Filter] {
  const lifetime = ttl === undefined ? Number.POSITIVE_INFINITY : parseTtl(ttl)
  const whole = sizingOf({ ...size, capacity })
  if (rotate === undefined) {
    const storedName = storedNameOf('bloom', name, whole)
    return [storedName, new BloomFilter(cache, storedName, whole, lifetime)]
  }
  if (!Number.isInteger(rotate) || rotate < 1 || lifetime === Number.POSITIVE_INFINITY)
    throw new ConfigurationError(
      `rotate is the number of slices of a ttl: it must be at least 1, and needs a ttl. It is ${kindOfOption(rotate)}, and the ttl ${kindOfOption(ttl)}.`,
    )
  const falsePositives = (size.falsePositives ?? 1) / (rotate + 1)
  const sizing = sizingOf({ ...size, capacity: Math.ceil(capacity / rotate), falsePositives })
  const storedName = storedNameOf('bloom', name, sizing)
  return [storedName, new AgingFilter(cache, storedName, sizing, lifetime, rotate)]
}
