import {
  type Cache,
  CommandError,
  checkType,
  decorating,
  isPending,
  type NotYetKnown,
  named,
  parseTtl,
  type Target,
  type Ttl,
} from '@cashews/core'
import type { ElementOf } from './bloom.ts'
import { BloomFilter } from './bloom-filter.ts'
import { argsOf, askOf, checkFilter, type ElementOptions, elementOf, type Question } from './element.ts'
import type { Estimate } from './filter.ts'
import { type LoadOptions, load, type Source } from './loading.ts'
import { sizingNames, sizingOf, storedNameOf } from './sizing.ts'

/** A number for the elements answered with yes, and one for those answered with no. */
export interface Pair {
  /** For elements answered with yes. */
  readonly true: number
  /** For elements answered with no. */
  readonly false: number
}

/** Settings of {@link dualBloom}. */
export interface DualBloomOptions<
  F extends Question = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends ElementOptions<F, K, N> {
  /** How many elements each filter is sized for, at least 1. */
  readonly capacity: number | Pair
  /** The rate of wrong answers of a full filter, in percent. @default 1 */
  readonly falsePositives?: number | Pair | undefined
  /** How many bytes one key of the store may hold. @default 268_435_456, 256 MiB */
  readonly maxKeyBytes?: number | undefined
  /**
   * Whether an answer is remembered only if none of its bits is set yet: the filters then fill more slowly, and more
   * calls ask the function.
   *
   * @default false
   */
  readonly noCollisions?: boolean | undefined
  /** How long the filters live after their first element. @default Infinity */
  readonly ttl?: Ttl | undefined
}

/** The methods of a function behind two filters. They take the function's own arguments. */
export interface DualBloomHandle<F extends Question> {
  /** Asks the function, remembers the answer, and resolves to it. */
  set(...args: Parameters<F>): Promise<boolean>
  /**
   * Remembers one answer for every element, without asking the function. Resolves to the number of elements.
   *
   * @throws {LoadStoppedError} When the store does not take a batch: continue with `from: error.done`.
   * @throws {FilterLostError} When elements loaded before are gone from the store: start over.
   * @throws {CommandError} When the answer is not a boolean, the elements are not an iterable, or an option cannot work.
   */
  setMany(elements: Source<ElementOf<F>>, answer: boolean, options?: LoadOptions): Promise<number>
  /** Estimates how full the filters are, from a sample of their bits. */
  estimate(): Promise<{ readonly true: Estimate; readonly false: Estimate }>
  /** Empties both filters. */
  clear(): Promise<void>
  /** The names of the filters in the store, with which their keys begin. */
  readonly storedNames: { readonly true: string; readonly false: string }
  /** The same methods for a decorated method of an instance. */
  of(self: object): DualBloomHandle<F>
}

/** A function behind two filters: it keeps its name, and gains a {@link DualBloomHandle}. */
export interface DualBloom<F extends Question> extends DualBloomHandle<F> {
  (...args: Parameters<F>): Promise<boolean>
}

/**
 * {@link dualBloom} without its function: a wrapper of functions, and a decorator of methods (TC39 or TypeScript
 * legacy).
 */
export interface DualBloomDecorator {
  <F extends Question>(fn: F): DualBloom<F>
  <F extends Question>(method: F, context: ClassMethodDecoratorContext): F
  <F extends Question>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
}

/**
 * Remembers for which elements a slow function says yes and for which no, each in a filter of its own, and answers from
 * there when exactly one filter knows the element. When neither or both do, it asks the function and remembers the answer.
 *
 * An answer from the filters is wrong in up to `falsePositives` percent of cases, and does not change when the function's
 * does: set a `ttl` then.
 *
 * ```ts
 * const isSpam = dualBloom(cache, { name: 'spam', capacity: 1_000_000, falsePositives: 0.1 }, async (host: string) => api.isSpam(host))
 * ```
 *
 * @throws {ConfigurationError} At definition, when there is no name or an option is unknown or cannot work.
 * @throws {TtlError} At definition, when `ttl` is invalid.
 */
export function dualBloom<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: DualBloomOptions<NotYetKnown, K, N>,
): DualBloomDecorator
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
  checkType('boolean', { noCollisions })
  const [yes, no] = [sideOf(cache, options, true), sideOf(cache, options, false)]
  const seen = () => ({ strategy: 'dualBloom', template: name })

  const wrapTarget = (target: Target): DualBloom<Question> => {
    const textOf = elementOf(target, options as never)
    const ask = askOf(target)
    /** @param known Absent: the caller wants to know if the answer cannot be remembered. */
    const learn = async (self: unknown, args: readonly unknown[], element: string, known?: Known): Promise<boolean> => {
      const answer = await ask(self, args)
      const bits = known && (answer ? known[0] : known[1])
      if (noCollisions && bits) return answer
      const added = (answer ? yes : no).filter.add(element)
      await (known ? added.catch(cache.engine.report) : added)
      return answer
    }
    const judge = (self: unknown, args: readonly unknown[], element: string, known: Known): Promise<boolean> => {
      const [inYes, inNo] = [known[0] === yes.hashes, known[1] === no.hashes]
      const hit = inYes !== inNo
      cache.engine.detected(yes.storedName, seen, hit ? { hit } : { hit, reason: 'miss' })
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
          throw new CommandError(`setMany takes the elements, then their answer, true or false, not ${answer}.`)
        return load((answer ? yes : no).filter, name, items, (item) => textOf(self, argsOf(item)), how)
      },
      estimate: async () => ({ true: await yes.filter.estimate(), false: await no.filter.estimate() }),
      clear: async () => {
        await Promise.all([yes.filter.clear(), no.filter.clear()])
      },
      storedNames: { true: yes.storedName, false: no.storedName },
      of: handle,
    })
    return named(call, target.fn, handle(undefined)) as unknown as DualBloom<Question>
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

/** Creates the filter of one answer. */
function sideOf(cache: Cache, options: DualBloomOptions, answer: boolean): Side {
  const { name, capacity, falsePositives = 1, maxKeyBytes, ttl } = options
  const size = { capacity: oneOf(capacity, answer), falsePositives: oneOf(falsePositives, answer) }
  const sizing = sizingOf({ ...size, ...(maxKeyBytes === undefined ? {} : { maxKeyBytes }) })
  const storedName = `${storedNameOf('dualBloom', name, sizing)}:${answer}`
  const lifetime = ttl === undefined ? Number.POSITIVE_INFINITY : parseTtl(ttl)
  return { storedName, hashes: sizing.hashes, filter: new BloomFilter(cache, storedName, sizing, lifetime) }
}

/** Of a pair with one side the other is `null`, which is refused: no default may stand for it. */
function oneOf(pair: number | Pair, answer: boolean): number {
  return typeof pair === 'object' && pair !== null ? (pair[`${answer}`] ?? (null as never)) : pair
}
