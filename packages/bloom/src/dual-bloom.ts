import { type Cache, isPending, parseTtl, type Ttl } from '@cashews/core'
import type { ElementOf } from './bloom.ts'
import { BloomFilter } from './bloom-filter.ts'
import { checkNames, type ElementOptions, elementNames, elementOf, type Question } from './element.ts'
import type { Estimate } from './filter.ts'
import { type LoadOptions, load, type Source } from './loading.ts'
import { sizingNames, sizingOf, storedNameOf } from './sizing.ts'

/** A number for the elements that are answered with yes, and one for those answered with no. */
export interface Pair {
  readonly true: number
  readonly false: number
}

/** Settings of {@link dualBloom}. */
export interface DualBloomOptions<
  F extends Question = (...args: never[]) => boolean,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends ElementOptions<F, K, N> {
  /** How many elements each filter is made for, at least 1. */
  readonly capacity: number | Pair
  /** How many answers of a full filter may be wrong, in percent. @default 1 */
  readonly falsePositives?: number | Pair
  /** How many bytes one key of the store may hold. @default 268_435_456: 256 MB */
  readonly maxKeyBytes?: number
  /**
   * Whether an answer is remembered only if none of its bits is another element's: then the filters fill slower, and
   * more calls ask the function.
   *
   * @default false
   */
  readonly noCollisions?: boolean
  /** How long the filters live from their first element on. @default Infinity */
  readonly ttl?: Ttl
}

/** A question with two filters before it. */
export interface DualBloom<F extends Question> {
  (...args: Parameters<F>): Promise<boolean>
  /** Asks the function, and remembers what it answers. Answers that. */
  set(...args: Parameters<F>): Promise<boolean>
  /** Remembers one answer for every element, without asking the function. Answers how many elements it was given. */
  setMany(elements: Source<ElementOf<F>>, answer: boolean, options?: LoadOptions): Promise<number>
  /** Tells how full the filters are, from a sample of their bits. */
  estimate(): Promise<{ readonly true: Estimate; readonly false: Estimate }>
  /** Empties both filters. */
  clear(): Promise<void>
  /** The names of the filters in the store: their keys begin with them. */
  readonly storedNames: { readonly true: string; readonly false: string }
}

/**
 * Learns what a slow function answers with yes, and what with no, each in a filter of its own, and answers from there
 * when exactly one of them knows the element. When neither does, or both, it asks the function, and learns.
 *
 * An answer from the filters may be wrong, in as many of a hundred cases as `falsePositives` says, and stays what it was
 * when the function changes its mind: give a `ttl` then.
 *
 * ```ts
 * const isSpam = dualBloom(cache, { name: 'spam', capacity: 1_000_000, falsePositives: 0.1 }, async (host: string) => api.isSpam(host))
 * ```
 *
 * @throws {ConfigurationError} At definition: no name, a rate not between 0 and 100, a capacity below 1.
 */
export function dualBloom<F extends Question, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: DualBloomOptions<F, K, N>,
  fn: F,
): DualBloom<F> {
  const own = ['noCollisions', 'ttl']
  checkNames('dualBloom', options, [...elementNames, ...sizingNames, ...own])
  const { name, noCollisions = false, capacity, falsePositives = 1, maxKeyBytes, ttl } = options
  const textOf = elementOf(fn, options as never)
  const lifetime = ttl === undefined ? Number.POSITIVE_INFINITY : parseTtl(ttl)
  const make = (answer: boolean): Side => {
    const size = { capacity: oneOf(capacity, answer), falsePositives: oneOf(falsePositives, answer) }
    const sizing = sizingOf({ ...size, ...(maxKeyBytes === undefined ? {} : { maxKeyBytes }) })
    const storedName = `${storedNameOf('dualBloom', name, sizing)}:${answer}`
    return { storedName, hashes: sizing.hashes, filter: new BloomFilter(cache, storedName, sizing, lifetime) }
  }
  const [yes, no] = [make(true), make(false)]
  const seen = () => ({ strategy: 'dualBloom', template: name })

  const learn = async (element: string, self: unknown, args: readonly unknown[], known?: Known): Promise<boolean> => {
    const answer: boolean = await Reflect.apply(fn, self, args as never)
    const side = answer ? yes : no
    const set = known && (answer ? known[0] : known[1])
    if (!noCollisions || !set) await side.filter.add(element)
    return answer
  }
  const judge = (known: Known, element: string, self: unknown, args: readonly unknown[]): Promise<boolean> => {
    const [inYes, inNo] = [known[0] === yes.hashes, known[1] === no.hashes]
    const hit = inYes !== inNo
    cache.detected(yes.storedName, seen, hit ? { hit } : { hit, reason: 'miss' })
    return hit ? Promise.resolve(inYes) : learn(element, self, args, known)
  }
  const call = function (this: unknown, ...args: unknown[]): Promise<boolean> {
    try {
      const element = textOf(this, args)
      const known = [yes.filter.count(element), no.filter.count(element)] as const
      return known.some(isPending)
        ? Promise.all(known).then((counts) => judge(counts, element, this, args))
        : judge(known as Known, element, this, args)
    } catch (error) {
      return Promise.reject(error)
    }
  }
  const textOfItem = (item: unknown) => textOf(undefined, Array.isArray(item) ? item : [item])
  const handle = {
    set: async (...args: unknown[]) => learn(textOf(undefined, args), undefined, args),
    setMany: (items: Source<unknown>, answer: boolean, how: LoadOptions = {}) =>
      load(answer ? yes.filter : no.filter, name, items, textOfItem, how),
    estimate: async () => ({ true: await yes.filter.estimate(), false: await no.filter.estimate() }),
    clear: async () => {
      await Promise.all([yes.filter.clear(), no.filter.clear()])
    },
    storedNames: { true: yes.storedName, false: no.storedName },
  }
  return Object.defineProperty(Object.assign(call, handle), 'name', { value: fn.name }) as unknown as DualBloom<F>
}

/** The filter of one answer. */
interface Side {
  readonly storedName: string
  readonly hashes: number
  readonly filter: BloomFilter
}

/** How many of an element's bits are set in each filter. */
type Known = readonly [yes: number, no: number]

function oneOf(pair: number | Pair, answer: boolean): number {
  return typeof pair === 'number' ? pair : answer ? pair.true : pair.false
}
