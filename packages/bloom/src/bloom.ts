import { type Cache, ConfigurationError, decorating, named, parseTtl, type Target, type Ttl } from '@cashews/core'
import { AgingFilter } from './aging-filter.ts'
import { BloomFilter } from './bloom-filter.ts'
import { argsOf, askOf, checkFilter, type ElementOptions, elementOf, type Question } from './element.ts'
import type { Estimate, Filter } from './filter.ts'
import { type LoadOptions, load, type Source } from './loading.ts'
import { type SizingOptions, sizingNames, sizingOf, storedNameOf } from './sizing.ts'

/** Settings of {@link bloom}. */
export interface BloomOptions<
  F extends Question = (...args: never[]) => boolean,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends SizingOptions,
    ElementOptions<F, K, N> {
  /** Whether the function is asked when the filter says yes: a yes may be false, a no never is. @default true */
  readonly checkFalsePositive?: boolean
  /** How long the filter lives from its first element on. With `rotate`, each element does. @default Infinity */
  readonly ttl?: Ttl
  /**
   * Lets elements age one by one: each is in the filter for `ttl`, and at most this part of a `ttl` longer. The filter
   * is then made of so many slices of time, and denies nothing before it has been there for a whole `ttl`.
   */
  readonly rotate?: number
}

/** One call's arguments; for a function of one parameter that is no list, the argument itself will do. */
export type ElementOf<F extends Question> =
  | Parameters<F>
  | (Parameters<F> extends [infer Only] ? (Only extends readonly unknown[] ? never : Only) : never)

/** What a question with a filter before it can do besides being asked. The arguments are those of the function. */
export interface BloomHandle<F extends Question> {
  /** Asks the function, and adds the element if it says yes. Answers whether it is in the filter now. */
  set(...args: Parameters<F>): Promise<boolean>
  /**
   * Adds every element without asking the function, and makes the filter whole. Until it has come to its end, the filter
   * denies nothing, unless it was whole before. Answers how many elements it was given.
   *
   * @throws {LoadStoppedError} When the store does not take a batch: go on with `from: error.done`.
   * @throws {FilterLostError} When what was loaded is gone from the store: begin anew.
   */
  setMany(elements: Source<ElementOf<F>>, options?: LoadOptions): Promise<number>
  /** Tells how full the filter is, from a sample of its bits. */
  estimate(): Promise<Estimate>
  /** Empties the filter. What is added then begins a new one. */
  clear(): Promise<void>
  /** The name of the filter in the store: its keys begin with it. */
  readonly storedName: string
  /** The same for a method, which needs its instance: `shop.sells.of(shop).set('bread')`. */
  of(self: object): BloomHandle<F>
}

/** A question with a filter before it: same name, and a {@link BloomHandle}. */
export interface Bloom<F extends Question> extends BloomHandle<F> {
  (...args: Parameters<F>): Promise<boolean>
}

/** {@link bloom} waiting for its function, or before a method: as a TC39 decorator or a TypeScript legacy one. */
export interface BloomDecorator {
  <F extends Question>(fn: F): Bloom<F>
  <F extends Question>(method: F, context: ClassMethodDecoratorContext): F
  <F extends Question>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
}

/**
 * Answers no without asking a slow function, when a Bloom filter in the store knows that the answer is no.
 *
 * A filter knows only if nobody has taken anything out of it: one that was evicted, deleted or has expired, or whose store
 * is away, asks the function. So does one that nobody has added anything to yet.
 *
 * ```ts
 * const emailExists = bloom(cache, { name: 'emails', capacity: 10_000, falsePositives: 1 }, async (email: string) => db.hasEmail(email))
 * await emailExists.setMany(db.emails())
 * await emailExists('nobody@example.com') // false, and the database was not asked
 * ```
 *
 * @throws {ConfigurationError} At definition: no name, a rate not between 0 and 100, a capacity below 1.
 */
export function bloom(cache: Cache, options: BloomOptions): BloomDecorator
export function bloom<F extends Question, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: BloomOptions<F, K, N>,
  fn: F,
): Bloom<F>
export function bloom(cache: Cache, options: BloomOptions, fn?: Question): BloomDecorator | Bloom<Question> {
  checkFilter('bloom', cache, options, [...sizingNames, 'checkFalsePositive', 'ttl', 'rotate'], fn)
  const { name, checkFalsePositive = true } = options
  const [storedName, filter] = filterOf(cache, options)
  const seen = () => ({ strategy: 'bloom', template: name })

  const wrapTarget = (target: Target): Bloom<Question> => {
    const textOf = elementOf(target, options as never)
    const ask = askOf(target)
    const judge = (self: unknown, args: readonly unknown[], isIn: boolean | undefined): Promise<boolean> => {
      const asks = isIn === undefined || (isIn && checkFalsePositive)
      cache.detected(storedName, seen, asks ? { hit: false, reason: 'miss' } : { hit: true })
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
    return named(Object.assign(call, handle(undefined)), target.fn) as unknown as Bloom<Question>
  }
  return fn === undefined
    ? (decorating('A filter', wrapTarget) as BloomDecorator)
    : wrapTarget({ fn, kind: 'function' })
}

const YES: Promise<boolean> = /* @__PURE__ */ Promise.resolve(true)
const NO: Promise<boolean> = /* @__PURE__ */ Promise.resolve(false)

/** Makes the filter, and its name in the store. */
function filterOf(cache: Cache, { name, ttl, rotate, capacity, ...size }: BloomOptions): [string, Filter] {
  const lifetime = ttl === undefined ? Number.POSITIVE_INFINITY : parseTtl(ttl)
  const whole = sizingOf({ ...size, capacity })
  if (rotate === undefined) {
    const storedName = storedNameOf('bloom', name, whole)
    return [storedName, new BloomFilter(cache, storedName, whole, lifetime)]
  }
  if (!Number.isInteger(rotate) || rotate < 1 || lifetime === Number.POSITIVE_INFINITY)
    throw new ConfigurationError(
      `rotate is into how many slices a ttl is cut, at least 1, and needs a ttl, not ${rotate} with ${ttl}.`,
    )
  const falsePositives = (size.falsePositives ?? 1) / (rotate + 1)
  const sizing = sizingOf({ ...size, capacity: Math.ceil(capacity / rotate), falsePositives })
  const storedName = storedNameOf('bloom', name, sizing)
  return [storedName, new AgingFilter(cache, storedName, sizing, lifetime, rotate)]
}
