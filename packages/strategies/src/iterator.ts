import { type Cache, compileKey, type KeyOptions, MISS, type Seen } from '@cashews/core'
import { decorator } from './decorator.ts'
import type { AnyFunction } from './function-types.ts'
import { type KeyingOptions, keyingNames, prefixed } from './keying.ts'
import { type LifetimeOptions, lifetimeNames, lifetimeOf } from './lifetime.ts'
import { checkNames, checkThat } from './options.ts'
import { Recording } from './recording.ts'
import { type TagOptions, tagsOf } from './tag-option.ts'
import { named, originalOf, type Target } from './wrap.ts'

/** The items that a function yields. */
type ItemOf<F extends AnyFunction> = ReturnType<F> extends AsyncIterable<infer T> ? T : never

/** A function that yields items, and what it can do besides. */
export type Iterated<F extends AnyFunction> = ((...args: Parameters<F>) => AsyncGenerator<ItemOf<F>, void>) & {
  /** The key of a call. */
  key(...args: Parameters<F>): string
  /** The key template: the label for metrics and traces. */
  readonly template: string
  /** Deletes what is stored for a call. Answers whether there was anything. */
  invalidate(...args: Parameters<F>): Promise<boolean>
  /** Answers all that is stored for a call, and never runs the function. */
  peek(...args: Parameters<F>): Promise<ItemOf<F>[] | undefined>
}

/** {@link iterator} waiting for its function, or before a method that is an async generator. */
export interface IteratorDecorator {
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F
  <F extends AnyFunction>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
  <F extends AnyFunction>(fn: F): Iterated<F>
}

/** Settings of {@link iterator}. */
export interface IteratorOptions<
  F extends AnyFunction = (...args: never[]) => never,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends KeyingOptions<F, K, N>,
    LifetimeOptions<ItemOf<F>[], Parameters<F>>,
    TagOptions<ItemOf<F>[], Parameters<F>> {
  /** A longer sequence is delivered and not stored. @default 10_000 */
  readonly maxItems?: number
  /** A larger sequence is delivered and not stored, by `sizeOf`. @default 10 MiB */
  readonly maxBytes?: number
}

/** What is stored: the whole sequence, or nothing. */
interface Sequence {
  readonly items: readonly unknown[]
}

/**
 * Keeps what an async generator yields, and yields it again from there. Node and web streams are async iterables too: a
 * function that returns one is read to its end, and becomes an async generator.
 *
 * Readers who come while the first still reads share its run, and see every item from the start. A sequence is stored
 * when it has ended, whole; one that fails, that all readers leave early, or that is invalidated meanwhile is not.
 *
 * ```ts
 * const pages = iterator(cache, { ttl: '10m', key: 'pages:{name}' }, async function* (name: string) { yield* api.pages(name) })
 * for await (const page of pages('news')) show(page)
 * ```
 */
export function iterator(cache: Cache, options: IteratorOptions): IteratorDecorator
export function iterator<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: IteratorOptions<F, K, N>,
  fn: F,
): Iterated<F>
export function iterator(cache: Cache, options: IteratorOptions, fn?: AnyFunction): unknown {
  checkNames('iterator', options, [...keyingNames, ...lifetimeNames, 'tags', 'maxItems', 'maxBytes'])
  const { maxItems = 10_000, maxBytes = 10 * 1024 ** 2 } = options
  checkThat(maxItems >= 1 && maxBytes >= 1, `maxItems and maxBytes are at least 1, not ${maxItems} and ${maxBytes}.`)
  const lifetime = lifetimeOf('iterator', options)

  const wrapTarget = (target: Target): AnyFunction => {
    const original = originalOf(target.fn)
    const keying = prefixed('iterator', options as KeyOptions)
    const compiled = compileKey({ fn: original, kind: target.kind }, keying)
    if (compiled.derived) cache.claimTemplate(compiled.template)
    const tags = tagsOf(target, options)
    const recordings = new Map<string, Recording>()
    const seen = (): Seen => ({ strategy: 'iterator', template: compiled.template })

    const record = (key: string, self: unknown, args: readonly unknown[]): Recording => {
      const source = Reflect.apply(target.fn, self, args) as AsyncIterable<unknown>
      checkThat(
        typeof source?.[Symbol.asyncIterator] === 'function',
        `iterator wraps functions that answer an async iterable; "${target.fn.name}" did not.`,
      )
      const recording = new Recording(source[Symbol.asyncIterator](), { maxItems, maxBytes })
      recordings.set(key, recording)
      const stored = cache.fly<unknown>(
        { key, self, args, signal: undefined },
        {
          sharing: 'apart',
          seen,
          tags: tags && (() => tags.ahead(self, args)),
          async load(flight) {
            recording.lease = flight
            flight.reason = 'miss'
            const items = await recording.whole
            if (recordings.get(key) === recording) recordings.delete(key)
            if (items === undefined) return
            const value: Sequence = { items }
            await cache.store(key, value, lifetime.of(items, args), flight, tags?.of(items, self, args))
          },
        },
      )
      stored.catch(cache.report)
      return recording
    }
    const open = (key: string): Recording | undefined => {
      const recording = recordings.get(key)
      return recording?.isOpen ? recording : undefined
    }
    const stored = async (key: string): Promise<Sequence | undefined> => {
      const value = await cache.call<'get'>({ command: 'get', key })
      return value !== MISS && isSequence(value) ? value : undefined
    }
    const iterated = async function* (this: unknown, ...args: unknown[]): AsyncGenerator<unknown, void> {
      if (tags !== undefined) cache.requireTags()
      const key = compiled.render(this, args)
      const found = open(key) === undefined ? await stored(key) : undefined
      const joined = open(key)
      if (found || joined) cache.detected(key, seen, { hit: found !== undefined })
      if (found) yield* found.items
      else yield* (joined ?? record(key, this, args)).read()
    }
    return Object.assign(named(iterated, target.fn), {
      template: compiled.template,
      key: (...args: unknown[]) => compiled.render(undefined, args),
      invalidate: async (...args: unknown[]) => cache.delete(compiled.render(undefined, args)),
      peek: async (...args: unknown[]) => {
        const found = await stored(compiled.render(undefined, args))
        return found && [...found.items]
      },
    }) as AnyFunction
  }
  return fn === undefined ? decorator(wrapTarget) : wrapTarget({ fn, kind: 'function' })
}

function isSequence(value: unknown): value is Sequence {
  return typeof value === 'object' && value !== null && Array.isArray((value as Partial<Sequence>).items)
}
