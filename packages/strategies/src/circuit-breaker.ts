import {
  type Awaitable,
  type Cache,
  chain,
  type KeyOptions,
  type Milliseconds,
  parseTtl,
  type Ttl,
} from '@cashews/core'
import { type Decorator, decorator } from './decorator.ts'
import { detecting } from './detecting.ts'
import { type ErrorType, isOneOf } from './error-types.ts'
import { CircuitBreakerOpen, withoutStack } from './errors.ts'
import type { AnyFunction, Wrapped } from './function-types.ts'
import { type KeyingOptions, keyingNames, prefixed } from './keying.ts'
import { checkNames, checkThat } from './options.ts'
import { type Target, wrap } from './wrap.ts'

/** `closed`: calls go through. `open`: none does. `half-open`: a few probes do. */
export type CircuitState = 'closed' | 'open' | 'half-open'

/** A breaker that went over to another state. */
export interface CircuitChange {
  readonly key: string
  readonly state: CircuitState
}

/** Settings of {@link circuitBreaker}. */
export interface CircuitBreakerOptions<
  F extends AnyFunction = (...args: never[]) => never,
  K extends string = string,
  N extends readonly string[] = readonly string[],
> extends KeyingOptions<F, K, N> {
  /** The share of failed calls, in percent, at which the breaker opens: more than 0, up to 100. */
  readonly errorsRate: number
  /** Calls are counted in periods that begin with a call. */
  readonly period: Ttl
  /** How long the breaker stays open. */
  readonly ttl: Ttl
  /** How long a probe keeps its place when it does not end. @default `ttl` */
  readonly halfOpenTtl?: Ttl
  /** With fewer calls in the period the breaker does not open. @default 1 */
  readonly minCalls?: number
  /** How many calls a half-open breaker lets through at a time. @default 1 */
  readonly probes?: number
  /** The errors that count as failures. @default all */
  readonly errors?: readonly ErrorType[]
  /** Told of every change of state that this process brings about. */
  readonly onChange?: (change: CircuitChange) => void
}

/** How long an open breaker is remembered that nobody calls. */
const REMEMBERED: Milliseconds = 86_400_000

/**
 * Stops calling a function that keeps failing, and lets a few probes through after a while: one that succeeds closes the
 * breaker, one that fails opens it again. The state and the counts are in the store, for all processes that share it.
 *
 * When the store is away, calls go through: a cache never stops a service.
 *
 * ```ts
 * const charge = circuitBreaker(cache, { errorsRate: 50, period: '1m', ttl: '30s', minCalls: 20, key: 'charge' }, async (sum: number) => api.charge(sum))
 * ```
 *
 * @throws {CircuitBreakerOpen} At a call that is not let through.
 */
export function circuitBreaker(cache: Cache, options: CircuitBreakerOptions): Decorator
export function circuitBreaker<F extends AnyFunction, const K extends string, const N extends readonly string[]>(
  cache: Cache,
  options: CircuitBreakerOptions<F, K, N>,
  fn: F,
): Wrapped<F>
export function circuitBreaker(
  cache: Cache,
  options: CircuitBreakerOptions,
  fn?: AnyFunction,
): Decorator | Wrapped<AnyFunction> {
  const breaker = new Breaker(cache, options)
  const wrapTarget = (target: Target) => {
    const keying =
      options.key === undefined ? ofFunction(cache, target.fn, options as KeyOptions) : (options as KeyOptions)
    return wrap(cache, target, prefixed('circuitBreaker', keying), (run, template) =>
      detecting(cache, 'circuitBreaker', template, {
        call: (key, self, args) => breaker.call(key, () => run(self, args)),
        invalidate: (key) => breaker.reset(key),
      }),
    )
  }
  return fn === undefined ? decorator(wrapTarget) : wrapTarget({ fn, kind: 'function' })
}

/** Without a key, the breaker is the function's, whoever calls it with whatever arguments. */
function ofFunction(cache: Cache, fn: AnyFunction, { name = fn.name, ...options }: KeyOptions): KeyOptions {
  checkThat(name !== '', 'The circuit breaker of a function without a name needs the option name or key.')
  cache.claimTemplate(`circuitBreaker:${name}`)
  return { ...options, name, key: () => name }
}

class Breaker {
  readonly #cache: Cache
  readonly #period: Milliseconds
  readonly #ttl: Milliseconds
  readonly #halfOpenTtl: Milliseconds
  readonly #rate: number
  readonly #minCalls: number
  readonly #probes: number
  readonly #isFailure: (error: unknown) => boolean
  readonly #onChange: (change: CircuitChange) => void

  constructor(cache: Cache, options: CircuitBreakerOptions) {
    const own = ['errorsRate', 'period', 'ttl', 'halfOpenTtl', 'minCalls', 'probes', 'errors', 'onChange']
    checkNames('circuitBreaker', options, [...keyingNames, ...own])
    const { errorsRate, period, ttl, halfOpenTtl, minCalls = 1, probes = 1 } = options
    checkThat(
      errorsRate > 0 && errorsRate <= 100,
      `errorsRate is a percentage, more than 0 and up to 100, not ${errorsRate}.`,
    )
    checkThat(Number.isInteger(minCalls) && minCalls >= 1, `minCalls is at least 1 call, not ${minCalls}.`)
    checkThat(Number.isInteger(probes) && probes >= 1, `probes is at least 1 call, not ${probes}.`)
    checkThat(
      period !== undefined && ttl !== undefined,
      "circuitBreaker needs a period and a ttl, such as period: '1m', ttl: '30s'.",
    )
    this.#cache = cache
    this.#period = parseTtl(period)
    this.#ttl = parseTtl(ttl)
    this.#halfOpenTtl = halfOpenTtl === undefined ? this.#ttl : parseTtl(halfOpenTtl)
    this.#rate = errorsRate
    this.#minCalls = minCalls
    this.#probes = probes
    this.#isFailure = isOneOf(options.errors)
    this.#onChange = options.onChange ?? (() => undefined)
  }

  /** Waits for nothing that the store has at hand. */
  call(key: string, run: () => Promise<unknown>): Promise<unknown> {
    return chain(this.#state(key), (state) =>
      state === 'closed' ? this.#counted(key, run) : this.#probe(key, run),
    ) as Promise<unknown>
  }

  /** @throws {CircuitBreakerOpen} When it is open. */
  #state(key: string): Awaitable<'closed' | 'half-open'> {
    return chain(this.#cache.call<'get'>({ command: 'get', key: openKey(key) }), (openUntil) => {
      if (typeof openUntil !== 'number') return 'closed'
      const wait = openUntil - Date.now()
      if (wait > 0) throw refusal(key, wait)
      return 'half-open'
    })
  }

  /** Closes the breaker and forgets its counts. Answers whether it was open. */
  async reset(key: string): Promise<boolean> {
    await this.#cache.deleteMany([totalKey(key), failsKey(key)])
    return this.#cache.delete(openKey(key))
  }

  #counted(key: string, run: () => Promise<unknown>): Promise<unknown> {
    const counted = this.#cache.call<'incr'>({ command: 'incr', key: totalKey(key), by: 1, lifetime: this.#period })
    return chain(counted, (total) =>
      run().catch(async (error: unknown) => {
        if (this.#isFailure(error)) await this.#failed(key, total)
        throw error
      }),
    ) as Promise<unknown>
  }

  async #failed(key: string, before: number): Promise<void> {
    const fails = await this.#cache.call<'incr'>({ command: 'incr', key: failsKey(key), by: 1, lifetime: this.#period })
    const now = await this.#cache.call<'get'>({ command: 'get', key: totalKey(key) })
    const total = typeof now === 'number' ? now : before
    if (total >= this.#minCalls && fails * 100 >= total * this.#rate && (await this.#open(key, false)))
      this.#tell(key, 'open')
  }

  /** One of a few calls that show whether the function works again. */
  async #probe(key: string, run: () => Promise<unknown>): Promise<unknown> {
    const permit = await this.#permit(key)
    if (permit === undefined) throw refusal(key, this.#halfOpenTtl)
    try {
      // Another probe may have ended meanwhile, and decided.
      return (await this.#state(key)) === 'closed' ? await this.#counted(key, run) : await this.#decide(key, run)
    } finally {
      await permit()
    }
  }

  async #decide(key: string, run: () => Promise<unknown>): Promise<unknown> {
    this.#tell(key, 'half-open')
    try {
      const result = await run()
      if (await this.reset(key)) this.#tell(key, 'closed')
      return result
    } catch (error) {
      if (this.#isFailure(error)) {
        await this.#open(key, undefined)
        this.#tell(key, 'open')
      }
      throw error
    }
  }

  /** Takes a place for a probe, and answers how to give it back; `undefined` when all are taken. */
  async #permit(key: string): Promise<(() => Promise<unknown>) | undefined> {
    const token = crypto.randomUUID()
    const ttl = { milliseconds: this.#halfOpenTtl }
    for (let place = 0; place < this.#probes; place++) {
      const lock = `${key}:probe:${place}`
      if (await this.#cache.setLock(lock, token, { ttl })) return () => this.#cache.unlock(lock, token)
    }
    return undefined
  }

  /** Answers whether this call is the one that opened it. */
  async #open(key: string, exists: boolean | undefined): Promise<boolean> {
    const lifetime = this.#ttl + REMEMBERED
    const value = Date.now() + this.#ttl
    const opened = await this.#cache.call<'set'>({ command: 'set', key: openKey(key), value, lifetime, exists })
    if (opened) await this.#cache.deleteMany([totalKey(key), failsKey(key)])
    return opened
  }

  #tell(key: string, state: CircuitState): void {
    try {
      this.#onChange({ key, state })
    } catch (error) {
      this.#cache.report(error)
    }
  }
}

function refusal(key: string, wait: Milliseconds): CircuitBreakerOpen {
  return withoutStack(() => new CircuitBreakerOpen(key, Math.ceil(wait / 1_000)))
}

function openKey(key: string): string {
  return `${key}:open`
}

function totalKey(key: string): string {
  return `${key}:total`
}

function failsKey(key: string): string {
  return `${key}:fails`
}
