import { type Awaitable, type Cache, CacheClosedError, MISS, type Milliseconds, newSpot } from '@cashews/core'
import { CircuitBreakerOpen, withoutStack } from './errors.ts'
import type { Run } from './wrap.ts'

/** `closed`: calls go through. `open`: none does. `half-open`: a few probes do. */
export type CircuitState = 'closed' | 'open' | 'half-open'

/** A breaker that went over to another state. */
export interface CircuitChange {
  readonly key: string
  readonly state: CircuitState
}

/** When a breaker opens, and for how long: its options, checked. */
export interface CircuitRules {
  readonly period: Milliseconds
  readonly lifetime: Milliseconds
  readonly halfOpen: Milliseconds
  readonly errorsRate: number
  readonly minCalls: number
  readonly probes: number
  readonly isFailure: (error: unknown) => boolean
  readonly onChange: ((change: CircuitChange) => void) | undefined
}

/** One breaker, as this process knows it. */
export interface Circuit {
  /** Runs a call, if it is let through. Waits for nothing that the store has at hand. */
  call(run: Run, self: unknown, args: readonly unknown[]): Promise<unknown>
  /** Closes the breaker and forgets its counts. Answers whether it was open. */
  reset(): Promise<boolean>
}

/** How many parts a window has. What is older than the whole leaves it a part at a time. */
const PARTS = 10
/** What a failure adds to the counter of a part, whose lower digits count all calls: 2 to the power of 28. */
const FAILURE = 268_435_456
/** How long successes are gathered before they are written. */
const GATHERING: Milliseconds = 1_000
/** How long an open breaker is remembered that nobody calls. */
const REMEMBERED: Milliseconds = 86_400_000

/**
 * Makes what this process knows of the breaker of a key.
 *
 * How the calls of the last period ended is counted for all processes that share the store: one counter for each tenth of
 * the period. Successes are gathered for a while, so that a function that works costs no write at each call; a failure
 * writes what was gathered.
 *
 * @param forgotten Told when nothing more is known here than in the store.
 */
export function newCircuit(
  cache: Cache,
  key: string,
  template: () => string,
  { period, lifetime, halfOpen, errorsRate, minCalls, probes, isFailure, onChange }: CircuitRules,
  forgotten: () => void,
): Circuit {
  const openKey = `${key}:open`
  let gathered = 0
  let isWaiting = false

  const tell = (state: CircuitState) => {
    cache.tell('circuit', { key, template: template(), state })
    try {
      onChange?.({ key, state })
    } catch (error) {
      cache.report(error)
    }
  }
  /** The counters of the last period, the newest first. */
  const counters = () => {
    const part = Math.floor((Date.now() * PARTS) / period)
    return Array.from({ length: PARTS }, (_, at) => `${key}:${part - at}`)
  }
  const count = async (counter: string, by: number): Promise<number> => {
    const sum = by + gathered
    gathered = 0
    return cache.count(newSpot(counter), sum, period + period / PARTS)
  }
  const forget = async () => {
    gathered = 0
    await cache.deleteMany(counters())
  }
  const reset = async () => {
    await forget()
    return cache.delete(openKey)
  }
  /** @param exists `false`: only the first who does it. */
  const open = async (exists?: false) => {
    const value = Date.now() + lifetime
    const set = { command: 'set', key: openKey, value, lifetime: lifetime + REMEMBERED, exists } as const
    if (!(await cache.call<'set'>(set))) return
    await forget()
    tell('open')
  }
  const write = async () => {
    try {
      if (gathered > 0) await count(counters()[0] as string, 0)
    } catch (error) {
      if (!(error instanceof CacheClosedError)) cache.report(error)
    }
  }
  /** What is known is written and forgotten after a while, whether calls still come or not. */
  const writeLater = () => {
    if (isWaiting) return
    isWaiting = true
    const stop = cache.beforeClose(write)
    const wake = () => {
      isWaiting = false
      stop()
      forgotten()
      void write()
    }
    setTimeout(wake, Math.min(GATHERING, period / PARTS)).unref()
  }
  const succeed = (result: unknown) => {
    gathered++
    writeLater()
    return result
  }
  const countFailure = async () => {
    const [own = '', ...older] = counters()
    const sums = [await count(own, FAILURE + 1), ...(await cache.getMany<number, number>(older, 0))]
    const calls = sums.reduce((all, sum) => all + (sum % FAILURE), 0)
    const fails = sums.reduce((all, sum) => all + Math.floor(sum / FAILURE), 0)
    if (calls >= minCalls && fails * 100 >= calls * errorsRate) await open(false)
  }
  const fail = async (error: unknown): Promise<never> => {
    if (isFailure(error)) await countFailure().catch(cache.report)
    else succeed(error)
    throw error
  }

  const refuse = (wait: Milliseconds) => {
    cache.tell('refused', { strategy: 'circuitBreaker', template: template(), key })
    throw withoutStack(() => new CircuitBreakerOpen(key, Math.ceil(wait / 1_000)))
  }
  const refuseUntil = (instant: unknown) => {
    const wait = Number(instant) - Date.now()
    if (wait > 0) refuse(wait)
  }
  /** Takes a place for a probe, and answers how to give it back. */
  const permit = async () => {
    const token = crypto.randomUUID()
    for (let place = 0; place < probes; place++) {
      const lock = `${key}:probe:${place}`
      if (await cache.setLock(lock, token, { ttl: { milliseconds: halfOpen } })) return () => cache.unlock(lock, token)
    }
    return refuse(halfOpen)
  }
  /** A call while the breaker is not closed, or not known to be. */
  const callLater = async (openUntil: Awaitable<unknown>, run: () => Promise<unknown>) => {
    const known = await openUntil
    if (known === MISS) return run().then(succeed, fail)
    refuseUntil(known)
    const leave = await permit()
    try {
      // Another probe may have ended meanwhile, and decided.
      const still = await cache.read(openKey)
      if (still === MISS) return await run().then(succeed, fail)
      refuseUntil(still)
      tell('half-open')
      const result = await run().catch(async (error) => {
        if (isFailure(error)) await open()
        throw error
      })
      if (await reset()) tell('closed')
      return result
    } finally {
      await leave()
    }
  }

  writeLater()
  return {
    call(run, self, args) {
      const openUntil = cache.read(openKey)
      return openUntil === MISS ? run(self, args).then(succeed, fail) : callLater(openUntil, () => run(self, args))
    },
    reset,
  }
}
