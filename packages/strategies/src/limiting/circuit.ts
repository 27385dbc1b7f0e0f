import {
  type Cache,
  type CircuitEvent,
  loadSignal,
  MISS,
  type Milliseconds,
  type Moment,
  withoutStack,
} from '@cashews/core'
import type { Seen } from '../wrapping/apart.ts'
import type { Run } from '../wrapping/wrap.ts'
import { newEndings, type Tolerance } from './endings.ts'
import { CircuitBreakerOpen } from './errors.ts'

/** When a breaker opens, and for how long: its validated options. */
export interface CircuitRules extends Tolerance {
  readonly ttl: Milliseconds
  readonly halfOpenTtl: Milliseconds
  readonly probes: number
  /** Whether an error counts as a failure. */
  readonly errors: (error: unknown) => boolean
  readonly onChange: ((change: CircuitEvent) => void) | undefined
}

/** One breaker, as this process knows it. */
export interface Circuit {
  /** Runs a call, if it may go through. Stays synchronous with a store in the process. */
  call(run: Run, self: unknown, args: readonly unknown[]): Promise<unknown>
  /** Closes the breaker and forgets its counts. Returns whether it was open. */
  reset(): Promise<boolean>
}

/** How many seconds an open breaker without calls is remembered. */
const REMEMBERED = 100_000

/**
 * Creates this process's view of the breaker of a key. The store holds how long it stays open, how calls ended, and
 * which probes are under way.
 */
export function newCircuit(cache: Cache, key: string, seen: Seen, rules: CircuitRules): Circuit {
  const openKey = `${key}:open`
  const endings = newEndings(cache, key, rules)
  /** Until then the breaker is known to be closed. */
  let closed: Moment | undefined

  /** Emits a change, and returns true. */
  const tell = (state: CircuitEvent['state']) => {
    cache.engine.tell('circuit', { ...seen(), key, state }, rules.onChange)
    return true
  }
  /** Opens the breaker if failures are too many. A probe opens it again, unless another has closed it meanwhile. */
  const open = async (isProbe: boolean) =>
    (isProbe || (await endings.failed())) &&
    (await cache.set(openKey, true, { ttl: rules.ttl / 1_000 + REMEMBERED, exists: isProbe })) &&
    tell('open')
  const reset = async () => {
    await endings.forget()
    return (await cache.delete(openKey)) && tell('closed')
  }

  /** Returns a function that counts an error, and throws it again. */
  const failing = (isProbe: boolean) => async (error: unknown) => {
    const left = loadSignal()?.reason
    // A call abandoned by its callers says nothing about the function, unless they had waited too long.
    if (left && left.name !== 'TimeoutError') throw error
    if (rules.errors(error)) await open(isProbe).catch(cache.engine.report)
    else endings.succeeded(error)
    throw error
  }
  const fail = failing(false)

  const refuse = (seconds: number): never => {
    cache.engine.tell('refused', { ...seen(), key })
    throw withoutStack(() => new CircuitBreakerOpen(key, Math.ceil(seconds)))
  }
  /** Whether the breaker is closed; `false`: it is time for a probe. Refuses before that, by the clock of the store. */
  const isClosed = async (): Promise<boolean> => {
    const left = await cache.getExpire(openKey)
    return !left || (left > REMEMBERED && refuse(left - REMEMBERED))
  }
  /** A call while the breaker is not closed, or not known to be. */
  const callLater = async (opened: unknown, run: Run, self: unknown, args: readonly unknown[]) => {
    if ((await opened) === MISS || (await isClosed())) return run(self, args).then(endings.succeeded, fail)
    const token = crypto.randomUUID()
    for (let place = 0; place < rules.probes; place++) {
      const lock = `${key}:probe:${place}`
      if (!(await cache.setLock(lock, token, { ttl: rules.halfOpenTtl / 1_000 }))) continue
      try {
        // Another probe may have decided meanwhile.
        if (await isClosed()) return await run(self, args).then(endings.succeeded, fail)
        tell('half-open')
        const result = await run(self, args).catch(failing(true))
        await reset().catch(cache.engine.report)
        return result
      } finally {
        await cache.unlock(lock, token).catch(cache.engine.report)
      }
    }
    return refuse(rules.halfOpenTtl / 1_000)
  }

  return {
    call(run, self, args) {
      if (!closed || closed.isOver) {
        const opened = cache.engine.read(openKey)
        if (opened !== MISS) return callLater(opened, run, self, args)
        closed = cache.engine.momentNow(openKey)
      }
      return run(self, args).then(endings.succeeded, fail)
    },
    reset,
  }
}
