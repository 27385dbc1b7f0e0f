import {
  type Answer,
  type Cache,
  chain,
  checkFunction,
  checkNames,
  checkThat,
  type KeyOptions,
  MISS,
  type Milliseconds,
  parseTtl,
  type Target,
  type Ttl,
} from '@cashews/core'
import { apart } from './apart.ts'
import { type Decorator, decorator } from './decorator.ts'
import { type ErrorType, isOneOf } from './error-types.ts'
import { CircuitBreakerOpen, withoutStack } from './errors.ts'
import type { AnyFunction, Wrapped } from './function-types.ts'
import { type KeyingOptions, keyingNames, prefixed } from './keying.ts'
import { OutcomeWindow } from './outcome-window.ts'
import { type Run, wrap } from './wrap.ts'

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
  /** The time that the calls are counted over: always the last so many, in steps of a tenth. */
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
 * breaker, one that fails opens it again. The state and the counts are in the store, for all processes that share it;
 * what succeeded within the last second may not be there yet, until the cache is closed.
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
      apart(cache, 'circuitBreaker', run, template, (run) => ({
        call: ({ key }, self, args) => breaker.call(key, run, self, args, template),
        invalidate: (key) => breaker.reset(key, template),
      })),
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

/** What this process knows of one breaker, for as long as it is called. */
class Circuit {
  readonly key: string
  readonly template: () => string
  readonly openKey: string
  readonly window: OutcomeWindow
  readonly succeed: (result: unknown) => unknown
  readonly fail: (error: unknown) => Promise<never>

  constructor(
    cache: Cache,
    key: string,
    template: () => string,
    period: Milliseconds,
    failed: (circuit: Circuit, error: unknown) => unknown,
  ) {
    this.key = key
    this.template = template
    this.openKey = `${key}:open`
    this.window = new OutcomeWindow(cache, key, period)
    this.succeed = (result) => {
      this.window.succeeded()
      return result
    }
    this.fail = async (error) => {
      await failed(this, error)
      throw error
    }
  }
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
  readonly #circuits = new Map<string, Circuit>()
  /** The one asked for last. */
  #last: Circuit | undefined

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
    checkThat(this.#period < Number.POSITIVE_INFINITY, "The period of a circuitBreaker ends, as in period: '1m'.")
    this.#rate = errorsRate
    this.#minCalls = minCalls
    this.#probes = probes
    this.#isFailure = isOneOf(options.errors)
    checkFunction('onChange', options.onChange)
    this.#onChange = options.onChange ?? (() => undefined)
  }

  /** Waits for nothing that the store has at hand. */
  call(key: string, run: Run, self: unknown, args: readonly unknown[], template: () => string): Promise<unknown> {
    const circuit = this.#circuitOf(key, template)
    const openUntil = this.#cache.read(circuit.openKey)
    if (openUntil === MISS) return run(self, args).then(circuit.succeed, circuit.fail)
    return this.#callLater(circuit, openUntil, run, self, args)
  }

  #callLater(
    circuit: Circuit,
    openUntil: Answer<'get'>,
    run: Run,
    self: unknown,
    args: readonly unknown[],
  ): Promise<unknown> {
    return chain(openUntil, (until) =>
      until === MISS
        ? run(self, args).then(circuit.succeed, circuit.fail)
        : this.#unlessOpen(circuit, until, () => run(self, args)),
    ) as Promise<unknown>
  }

  /** Closes the breaker and forgets its counts. Answers whether it was open. */
  async reset(key: string, template: () => string): Promise<boolean> {
    const { window, openKey } = this.#circuitOf(key, template)
    await window.forget()
    return this.#cache.delete(openKey)
  }

  #circuitOf(key: string, template: () => string): Circuit {
    const last = this.#last
    if (last !== undefined && last.key === key) return last
    this.#last = this.#circuits.get(key) ?? this.#newCircuit(key, template)
    return this.#last
  }

  /** What is known of a key is written and forgotten after a while, whether calls still come or not. */
  #newCircuit(key: string, template: () => string): Circuit {
    const circuit = new Circuit(this.#cache, key, template, this.#period, this.#failed)
    const { window } = circuit
    this.#circuits.set(key, circuit)
    const forget = this.#cache.beforeClose(() => window.write())
    const end = () => {
      forget()
      this.#circuits.delete(key)
      if (this.#last === circuit) this.#last = undefined
      void window.write()
    }
    setTimeout(end, window.gathering).unref()
    return circuit
  }

  readonly #failed = async (circuit: Circuit, error: unknown): Promise<void> => {
    if (!this.#isFailure(error)) return circuit.window.succeeded()
    try {
      const { calls, fails } = await circuit.window.failed()
      if (calls >= this.#minCalls && fails * 100 >= calls * this.#rate && (await this.#open(circuit, false)))
        this.#tell(circuit, 'open')
    } catch (trouble) {
      this.#cache.report(trouble)
    }
  }

  /** @throws {CircuitBreakerOpen} While it is open. */
  async #unlessOpen(circuit: Circuit, openUntil: unknown, run: () => Promise<unknown>): Promise<unknown> {
    const wait = Number(openUntil) - Date.now()
    if (wait > 0) throw this.#refusal(circuit, wait)
    return this.#probe(circuit, run)
  }

  /** One of a few calls that show whether the function works again. */
  async #probe(circuit: Circuit, run: () => Promise<unknown>): Promise<unknown> {
    const permit = await this.#permit(circuit.key)
    if (permit === undefined) throw this.#refusal(circuit, this.#halfOpenTtl)
    try {
      // Another probe may have ended meanwhile, and decided.
      const openUntil = await this.#cache.read(circuit.openKey)
      if (openUntil === MISS) return await run().then(circuit.succeed, circuit.fail)
      const wait = Number(openUntil) - Date.now()
      if (wait > 0) throw this.#refusal(circuit, wait)
      return await this.#decide(circuit, run)
    } finally {
      await permit()
    }
  }

  async #decide(circuit: Circuit, run: () => Promise<unknown>): Promise<unknown> {
    this.#tell(circuit, 'half-open')
    try {
      const result = await run()
      if (await this.reset(circuit.key, circuit.template)) this.#tell(circuit, 'closed')
      return result
    } catch (error) {
      if (this.#isFailure(error)) {
        await this.#open(circuit, undefined)
        this.#tell(circuit, 'open')
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
  async #open({ openKey, window }: Circuit, exists: boolean | undefined): Promise<boolean> {
    const lifetime = this.#ttl + REMEMBERED
    const value = Date.now() + this.#ttl
    const opened = await this.#cache.call<'set'>({ command: 'set', key: openKey, value, lifetime, exists })
    if (opened) await window.forget()
    return opened
  }

  #tell({ key, template }: Circuit, state: CircuitState): void {
    this.#cache.tell('circuit', { key, template: template(), state })
    try {
      this.#onChange({ key, state })
    } catch (error) {
      this.#cache.report(error)
    }
  }

  #refusal({ key, template }: Circuit, wait: Milliseconds): CircuitBreakerOpen {
    this.#cache.tell('refused', { strategy: 'circuitBreaker', template: template(), key })
    return withoutStack(() => new CircuitBreakerOpen(key, Math.ceil(wait / 1_000)))
  }
}
