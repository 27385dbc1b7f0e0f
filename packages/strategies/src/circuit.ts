import { type Awaitable, type Cache, MISS, type Milliseconds, type Moment } from '@cashews/core'
import { newEndings, type Tolerance } from './endings.ts'
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
export interface CircuitRules extends Tolerance {
  readonly lifetime: Milliseconds
  readonly halfOpen: Milliseconds
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

/** How long an open breaker is remembered that nobody calls. */
const REMEMBERED: Milliseconds = 86_400_000

/**
 * Makes what this process knows of the breaker of a key. The store keeps until when it is open, how calls ended, and who has
 * the place of a probe.
 *
 * @param forgotten Told when nothing more is known here than in the store.
 */
export function newCircuit(
  cache: Cache,
  key: string,
  template: () => string,
  rules: CircuitRules,
  forgotten: () => void,
): Circuit {
  const { lifetime, halfOpen, probes, isFailure, onChange } = rules
  const openKey = `${key}:open`
  const { succeeded, failed, forget } = newEndings(cache, key, rules, forgotten)
  /** Until it is over, the breaker is known to be closed. */
  let closed: Moment | undefined

  const tell = (state: CircuitState) => {
    cache.tell('circuit', { key, template: template(), state })
    try {
      onChange?.({ key, state })
    } catch (error) {
      cache.report(error)
    }
  }
  /** @param exists `false`: only the first who does it. */
  const open = async (exists?: false) => {
    const value = Date.now() + lifetime
    const set = { command: 'set', key: openKey, value, lifetime: lifetime + REMEMBERED, exists } as const
    if (!(await cache.call<'set'>(set))) return
    await forget()
    tell('open')
  }
  const reset = async () => {
    await forget()
    return cache.delete(openKey)
  }

  const countFailure = async () => {
    if (await failed()) await open(false)
  }
  const fail = async (error: unknown): Promise<never> => {
    if (isFailure(error)) await countFailure().catch(cache.report)
    else succeeded(error)
    throw error
  }

  const refuse = (wait: Milliseconds): never => {
    cache.tell('refused', { strategy: 'circuitBreaker', template: template(), key })
    throw withoutStack(() => new CircuitBreakerOpen(key, Math.ceil(wait / 1_000)))
  }
  /** Whether the breaker is closed; `false`: it is time for a probe. Refuses before that. */
  const isClosed = (openUntil: unknown): boolean => {
    const wait = openUntil === MISS ? 0 : Number(openUntil) - Date.now()
    return wait > 0 ? refuse(wait) : openUntil === MISS
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
  /** One that succeeds closes the breaker, one that fails opens it again. */
  const probe = async (run: () => Promise<unknown>) => {
    tell('half-open')
    const result = await run().catch(async (error) => {
      if (isFailure(error)) await open()
      throw error
    })
    if (await reset()) tell('closed')
    return result
  }
  /** A call while the breaker is not closed, or not known to be. */
  const callLater = async (openUntil: Awaitable<unknown>, run: () => Promise<unknown>) => {
    if (isClosed(await openUntil)) return run().then(succeeded, fail)
    const leave = await permit()
    try {
      // Another probe may have ended meanwhile, and decided.
      return await (isClosed(await cache.read(openKey)) ? run().then(succeeded, fail) : probe(run))
    } finally {
      await leave()
    }
  }

  return {
    call(run, self, args) {
      if (closed?.isOver !== false) {
        const openUntil = cache.read(openKey)
        if (openUntil !== MISS) return callLater(openUntil, () => run(self, args))
        closed = cache.momentNow(openKey)
      }
      return run(self, args).then(succeeded, fail)
    },
    reset,
  }
}
