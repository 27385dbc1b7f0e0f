import { type Cache, CommandError, decorating, isPending, named, parseTtl, type Target, type Ttl } from '@cashews/core'
import type { ElementOf } from './bloom.ts'
import { BloomFilter } from './bloom-filter.ts'
import { argsOf, askOf, checkFilter, type ElementOptions, elementOf, type Question } from './element.ts'
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

/** What a question with two filters before it can do besides being asked. */
export interface DualBloomHandle<F extends Question> {
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
  /** The same for a method, which needs its instance. */
  of(self: object): DualBloomHandle<F>
}

/** A question with two filters before it: same name, and a {@link DualBloomHandle}. */
export interface DualBloom<F extends Question> extends DualBloomHandle<F> {
  (...args: Parameters<F>): Promise<boolean>
}

/** {@link dualBloom} waiting for its function, or before a method: as a TC39 decorator or a TypeScript legacy one. */
export interface DualBloomDecorator {
  <F extends Question>(fn: F): DualBloom<F>
  <F extends Question>(method: F, context: ClassMethodDecoratorContext): F
  <F extends Question>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
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
export function dualBloom(cache: Cache, options: DualBloomOptions): DualBloomDecorator
export function dualBloom<F extends Question, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: DualBloomOptions<F, K, N>,
  fn: F,
): DualBloom<F>
export function dualBloom(
  cache: Cache,
  options: DualBloomOptions,
  fn?: Question,
): DualBloomDecorator | DualBloom<Question> {
  checkFilter('dualBloom', cache, options, [...sizingNames, 'noCollisions', 'ttl'], fn)
  const { name, noCollisions = false } = options
  const [yes, no] = [sideOf(cache, options, true), sideOf(cache, options, false)]
  const seen = () => ({ strategy: 'dualBloom', template: name })

  const wrapTarget = (target: Target): DualBloom<Question> => {
    const textOf = elementOf(target, options as never)
    const ask = askOf(target)
    const learn = async (self: unknown, args: readonly unknown[], element: string, known?: Known): Promise<boolean> => {
      const answer = await ask(self, args)
      const bits = known && (answer ? known[0] : known[1])
      if (!noCollisions || !bits) await (answer ? yes : no).filter.add(element)
      return answer
    }
    const judge = (self: unknown, args: readonly unknown[], element: string, known: Known): Promise<boolean> => {
      const [inYes, inNo] = [known[0] === yes.hashes, known[1] === no.hashes]
      const hit = inYes !== inNo
      cache.detected(yes.storedName, seen, hit ? { hit } : { hit, reason: 'miss' })
      return hit ? Promise.resolve(inYes) : learn(self, args, element, known)
    }
    const call = function (this: unknown, ...args: unknown[]): Promise<boolean> {
      try {
        const element = textOf(this, args)
        const known = [yes.filter.count(element), no.filter.count(element)] as const
        return known.some(isPending)
          ? Promise.all(known).then((counts) => judge(this, args, element, counts))
          : judge(this, args, element, known as Known)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    const handle = (self: unknown) => ({
      set: async (...args: unknown[]) => learn(self, args, textOf(self, args)),
      setMany: async (items: Source<unknown>, answer: boolean, how: LoadOptions = {}) => {
        if (typeof answer !== 'boolean')
          throw new CommandError(`setMany takes the elements and then their answer, true or false, not ${answer}.`)
        return load((answer ? yes : no).filter, name, items, (item) => textOf(self, argsOf(item)), how)
      },
      estimate: async () => ({ true: await yes.filter.estimate(), false: await no.filter.estimate() }),
      clear: async () => {
        await Promise.all([yes.filter.clear(), no.filter.clear()])
      },
      storedNames: { true: yes.storedName, false: no.storedName },
      of: handle,
    })
    return named(Object.assign(call, handle(undefined)), target.fn) as unknown as DualBloom<Question>
  }
  return fn === undefined
    ? (decorating('A filter', wrapTarget) as DualBloomDecorator)
    : wrapTarget({ fn, kind: 'function' })
}

/** The filter of one answer. */
interface Side {
  readonly storedName: string
  readonly hashes: number
  readonly filter: BloomFilter
}

/** How many of an element's bits are set in each filter. */
type Known = readonly [yes: number, no: number]

/** Makes the filter of one answer. */
function sideOf(cache: Cache, options: DualBloomOptions, answer: boolean): Side {
  const { name, capacity, falsePositives = 1, maxKeyBytes, ttl } = options
  const size = { capacity: oneOf(capacity, answer), falsePositives: oneOf(falsePositives, answer) }
  const sizing = sizingOf({ ...size, ...(maxKeyBytes === undefined ? {} : { maxKeyBytes }) })
  const storedName = `${storedNameOf('dualBloom', name, sizing)}:${answer}`
  const lifetime = ttl === undefined ? Number.POSITIVE_INFINITY : parseTtl(ttl)
  return { storedName, hashes: sizing.hashes, filter: new BloomFilter(cache, storedName, sizing, lifetime) }
}

function oneOf(pair: number | Pair, answer: boolean): number {
  return typeof pair === 'object' && pair !== null ? (answer ? pair.true : pair.false) : pair
}
