import { type Cache, ConfigurationError, parseTtl, type Ttl } from '@cashews/core'
import { AgingFilter } from './aging-filter.ts'
import { BloomFilter } from './bloom-filter.ts'
import { checkNames, type ElementOptions, elementNames, elementOf, type Question } from './element.ts'
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

/** A question with a filter before it. */
export interface Bloom<F extends Question> {
  (...args: Parameters<F>): Promise<boolean>
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
export function bloom<F extends Question, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: BloomOptions<F, K, N>,
  fn: F,
): Bloom<F> {
  checkNames('bloom', options, [...elementNames, ...sizingNames, 'checkFalsePositive', 'ttl', 'rotate'])
  const { name, checkFalsePositive = true } = options
  const textOf = elementOf(fn, options as never)
  const [storedName, filter] = filterOf(cache, options as BloomOptions)
  const seen = () => ({ strategy: 'bloom', template: name })
  const ask = async (self: unknown, args: readonly unknown[]) => Reflect.apply(fn, self, args as never)

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
  const textOfItem = (item: unknown) => textOf(undefined, Array.isArray(item) ? item : [item])
  const handle = {
    async set(this: unknown, ...args: unknown[]) {
      return (await ask(undefined, args)) ? filter.add(textOf(undefined, args)) : false
    },
    setMany: (items: Source<unknown>, how: LoadOptions = {}) => load(filter, name, items, textOfItem, how),
    estimate: () => filter.estimate(),
    clear: () => filter.clear(),
    storedName,
  }
  return Object.defineProperty(Object.assign(call, handle), 'name', { value: fn.name }) as unknown as Bloom<F>
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
