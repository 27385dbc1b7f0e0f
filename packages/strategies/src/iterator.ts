import {
  type Awaitable,
  type Cache,
  checkMayLoad,
  checkNames,
  checkRange,
  checkThat,
  type KeyOptions,
  type NotYetKnown,
  named,
  perTransaction,
  type Seen,
  type Target,
} from '@cashews/core'
import type { Condition } from './caching/condition.ts'
import { type KeepingOptions, keepingOf } from './caching/keeping.ts'
import { type Lasting, type LifetimeOptions, lifetimeNames, lifetimeOf, seenOf } from './caching/lifetime.ts'
import { newRecording, type Recording } from './caching/recording.ts'
import { storedError, unwrap } from './caching/stored-error.ts'
import { type TagOptions, tagsOf } from './caching/tag-option.ts'
import { around } from './wrapping/decorator.ts'
import type { AnyFunction, ResultOf } from './wrapping/function-types.ts'
import { type KeyingOptions, keyingNames, prefixed } from './wrapping/keying.ts'
import { keysOf, runOf } from './wrapping/wrap.ts'

/** The items that a function yields. */
type ItemOf<F extends AnyFunction> = ResultOf<F> extends AsyncIterable<infer T> | Iterable<infer T> ? T : never

/** A function that yields items asynchronously: an async generator, or one that returns a stream. */
type Streaming = (...args: never[]) => Awaitable<AsyncIterable<unknown> | { readonly getReader: AnyFunction }>

/** A function that yields items: a generator, or one that returns a stream. */
export type Yielding = Streaming | ((...args: never[]) => Awaitable<object & Iterable<unknown>>)

/** How a sequence is returned: as an async generator, a Node `Readable`, or a web `ReadableStream`. */
export type SequenceKind = 'generator' | 'node' | 'web'

/** The methods of a wrapped function that yields items. */
export interface IteratedHandle<F extends AnyFunction> {
  /** The key of a call. */
  key(...args: Parameters<F>): string
  /** The key template: the label for metrics and traces. */
  readonly template: string
  /** Deletes the stored sequence of a call. Resolves to whether there was one. */
  invalidate(...args: Parameters<F>): Promise<boolean>
  /** Runs the function to its end and stores its items, even if some are stored already; they stay if it fails. */
  refresh(...args: Parameters<F>): Promise<ItemOf<F>[]>
  /** Reads the stored items of a call, without ever running the function. */
  peek(...args: Parameters<F>): Promise<ItemOf<F>[] | undefined>
  /** The same methods for a decorated method of an instance. */
  of(self: object): IteratedHandle<F>
}

/** A function that yields items, with an {@link IteratedHandle}. */
export type Iterated<F extends AnyFunction, S extends SequenceKind = 'generator'> = ((
  ...args: Parameters<F>
) => S extends 'generator' ? AsyncGenerator<ItemOf<F>, void> : ResultOf<F>) &
  IteratedHandle<F>

/** {@link iterator} without its function: a wrapper of functions, and a decorator of async generator methods. */
export interface IteratorDecorator {
  <F extends Streaming>(method: F, context: ClassMethodDecoratorContext): F
  <F extends Streaming>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
  <F extends Yielding>(fn: F): Iterated<F>
}

/** Settings of {@link iterator}. */
export interface IteratorOptions<
  F extends AnyFunction = NotYetKnown,
  K extends string = string,
  N extends readonly string[] = readonly string[],
  S extends SequenceKind = SequenceKind,
> extends KeyingOptions<F, K, N>,
    LifetimeOptions<ItemOf<F>[], Parameters<F>>,
    TagOptions<ItemOf<F>[], Parameters<F>> {
  /**
   * How the sequence is returned: `'node'` as a Node `Readable`, `'web'` as a web `ReadableStream`, `'generator'` as an
   * async generator, whatever the function itself returns.
   *
   * @default 'generator'
   */
  readonly as?: S | undefined
  /**
   * Decides which sequences are stored. With `withErrors` or `onlyErrors`, one that ends in such an error is stored
   * too, and replayed with that error.
   *
   * @default all that do not fail
   */
  readonly condition?: Condition<ItemOf<F>[], Parameters<F>> | undefined
  /** The most items; longer sequences are returned but not stored. @default 10_000 */
  readonly maxItems?: number | undefined
  /** The most bytes, by `sizeOf`; larger sequences are returned but not stored. @default 10 MiB */
  readonly maxBytes?: number | undefined
}

/** What is stored: the whole sequence, or nothing. */
interface Sequence {
  readonly items: readonly unknown[]
  /** The error it ended in, as data. */
  readonly end?: unknown
}

/**
 * Stores the items of an async generator, and yields them again from the store. Functions that return Node or web
 * streams work too: see `as`.
 *
 * Readers that arrive while the first one still reads share its run, and see every item from the start. Only a complete
 * sequence is stored: not one that fails (unless `condition` accepts that), that all readers leave early, or that is
 * invalidated meanwhile.
 *
 * ```ts
 * const pages = iterator(cache, { ttl: '10m', key: 'pages:{name}' }, async function* (name: string) { yield* api.pages(name) })
 * for await (const page of pages('news')) show(page)
 * ```
 */
export function iterator<const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: Lasting<IteratorOptions<NotYetKnown, K, N>>,
): IteratorDecorator
export function iterator<
  F extends Yielding,
  const K extends string,
  const N extends readonly string[],
  const S extends SequenceKind = 'generator',
>(cache: Cache, options: Lasting<IteratorOptions<F, K, N, S>>, fn: F): Iterated<F, S>
export function iterator(cache: Cache, options: IteratorOptions, fn?: AnyFunction): unknown {
  const own = ['as', 'condition', 'tags', 'maxItems', 'maxBytes']
  checkNames('iterator', options, [...keyingNames, ...lifetimeNames, ...own])
  const { as = 'generator', maxItems = 10_000, maxBytes = 10_485_760 } = options
  checkThat(Object.hasOwn(kinds, as), 'as must be generator, node or web', as)
  const answerAs = kinds[as]
  const keeping = keepingOf(options as KeepingOptions<never, never>)
  checkRange({ maxItems, maxBytes }, 1)
  const lifetime = lifetimeOf('iterator', options)

  const wrapTarget = (target: Target): AnyFunction => {
    const [original, run] = runOf(cache, target.fn)
    const keying = prefixed('iterator', options as KeyOptions)
    const keyOf = keysOf(cache, target, original, keying)
    const tags = tagsOf(target, options)
    const recordingsHere = perTransaction(() => new Map<string, Recording>())
    const seen = (): Seen => ({ ...seenOf('iterator', lifetime), template: keyOf().template })

    const record = (key: string, self: unknown, args: readonly unknown[], isAnew?: boolean): Recording => {
      const recordings = recordingsHere()
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
      const read = async function* (): AsyncGenerator<unknown> {
        await begun // The load has its lease: what is read before could be out of date unnoticed.
        const source = (await run(self, args)) as AsyncIterable<unknown> & Iterable<unknown>
        const isSequence = typeof source !== 'string' && (source?.[Symbol.asyncIterator] || source?.[Symbol.iterator])
        checkThat(!!isSequence, 'iterator needs an iterable', source)
        yield* source
      }
      const recording = newRecording(read(), maxItems, maxBytes)
      recording.stored = cache.engine
        .fly<unknown>(
          { key, self, args, signal: undefined },
          {
            sharing: 'apart',
            seen,
            isTold: !isAnew,
            tags: tags && ((call) => tags.ahead(call, keyOf())),
            async load(flight) {
              recording.flight = flight
              begin()
              const items = await recording.ended
              const { failure } = recording
              const isKept = failure
                ? keeping.error(failure.error, 0)
                : items && (await keeping.result(items, 0, flight.call, flight))
              if (items && isKept) {
                const value: Sequence = { items, end: failure && storedError(failure.error) }
                await cache.engine.store(
                  key,
                  value,
                  lifetime.of(items, args),
                  flight.lease,
                  tags?.of(items, self, args),
                )
              }
            },
          },
        )
        .catch(cache.engine.report)
        .then(() => {
          begin()
          if (recordings.get(key) === recording) recordings.delete(key)
        })
      // Until a refresh has ended, what is stored is answered.
      if (!isAnew) recordings.set(key, recording)
      return recording
    }
    const open = (key: string): Recording | undefined => {
      const recording = recordingsHere().get(key)
      return recording?.isOpen && cache.engine.mayShare(key) ? recording : undefined
    }
    const asSequence = (stored: unknown): Sequence | undefined =>
      Array.isArray((stored as Sequence | null)?.items) ? (stored as Sequence) : undefined
    const iterated = async function* (this: unknown, ...args: unknown[]): AsyncGenerator<unknown, void> {
      const key = keyOf().render(this, args)
      const running = open(key)?.flight
      // Another process may have overtaken it too: then nobody joins it any more.
      if (running && !(await cache.engine.holds(running))) running.lease.broken = true
      const found = !open(key) && asSequence(await cache.engine.readOnTerms(key, lifetime.longest))
      if (found) {
        await cache.engine.detectedHit(key, seen, lifetime.longest)
        yield* found.items
        unwrap(found.end)
      } else {
        const joined = open(key)
        cache.engine.detected(key, seen, { hit: false, reason: 'miss', shared: joined && true })
        yield* (joined ?? record(key, this, args)).read()
      }
    }
    const handle = (self?: unknown): IteratedHandle<AnyFunction> => {
      const key = (...args: unknown[]) => keyOf().render(self, args)
      return {
        get template() {
          return keyOf().template
        },
        key,
        invalidate: async (...args) => cache.delete(key(...args)),
        refresh: async (...args) => {
          checkMayLoad(key(...args))
          const recording = record(key(...args), self, args, true)
          const items = await Array.fromAsync(recording.read())
          await recording.stored
          return items as never[]
        },
        peek: async (...args) => asSequence(await cache.engine.read(key(...args)))?.items as never[] | undefined,
        of: handle,
      }
    }
    const answering: AnyFunction = answerAs
      ? function (this: unknown, ...args: unknown[]) {
          return answerAs(iterated.apply(this, args))
        }
      : iterated
    return named(answering, target.fn, handle())
  }
  return around(fn, wrapTarget)
}

/** Converts the async generator of a sequence; nothing to do for `'generator'`. */
const kinds: Readonly<Record<SequenceKind, ((items: AsyncGenerator<unknown>) => unknown) | undefined>> = {
  generator: undefined,
  node: (items) => process.getBuiltinModule('node:stream').Readable.from(items),
  web: (items) => (ReadableStream as unknown as { from(items: AsyncIterable<unknown>): unknown }).from(items),
}
