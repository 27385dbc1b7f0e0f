import { memory } from '@cashews/backend-memory'
import { handClock, reference } from '@cashews/conformance'
import {
  BackendError,
  type Cache,
  type Clock,
  createCache,
  invalidateFurther,
  loadSignal,
  type Middleware,
} from '@cashews/core'
import { CircuitBreakerOpen, type CircuitChange, circuitBreaker, handleOf } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { altered, fakeTime, gate, settle } from './support/helpers.ts'

class Down extends Error {}

describe.each(stores)('circuitBreaker on $name', ({ create, elapse }) => {
  let cache: Cache
  let changes: string[]
  beforeEach(() => {
    fakeTime()
    changes = []
    cache = createCache().setup(create())
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  const onChange = ({ state }: CircuitChange) => changes.push(state)
  const usual = { errorsRate: 50, period: '1m', ttl: '30s', key: 'k' } as const
  const upstream = () => {
    const state = { down: false }
    const run = vi.fn(async () => {
      if (state.down) throw new Down('no')
      return 'fine'
    })
    return { state, run }
  }

  it('lets calls through while few fail', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, minCalls: 4, onChange }, run)
    for (let nth = 0; nth < 3; nth++) await call()
    state.down = true
    await expect(call()).rejects.toThrow(Down)
    state.down = false
    expect(await call()).toBe('fine')
    expect(changes).toEqual([])
  })

  it('opens at the rate, not before minCalls, and then does not run the function', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, minCalls: 3, onChange }, run)
    state.down = true
    for (let nth = 0; nth < 3; nth++) await expect(call()).rejects.toThrow(Down)
    expect(changes).toEqual(['open'])
    const refused = (await call().catch((error: unknown) => error)) as CircuitBreakerOpen
    expect(refused).toBeInstanceOf(CircuitBreakerOpen)
    expect(refused).toMatchObject({ code: 'CASHEWS_CIRCUIT_BREAKER_OPEN', retryAfter: 30 })
    expect(run).toHaveBeenCalledTimes(3)
  })

  it('opens once when many calls fail together, also at a rate of 100 %', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, errorsRate: 100, minCalls: 6, onChange }, run)
    state.down = true
    await Promise.allSettled(Array.from({ length: 6 }, () => call()))
    expect(changes).toEqual(['open'])
    await expect(call()).rejects.toThrow(CircuitBreakerOpen)
  })

  it('lets one probe through after the ttl, and closes when it succeeds', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, onChange }, run)
    state.down = true
    await expect(call()).rejects.toThrow(Down)
    await elapse(30_000)
    state.down = false
    const settled = Promise.allSettled(Array.from({ length: 5 }, () => call()))
    await elapse(1_000)
    const answers = await settled
    expect(answers.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1)
    expect(changes).toEqual(['open', 'half-open', 'closed'])
    expect(await call()).toBe('fine')
  })

  it('lets no more than the allowed probes through at a time', async () => {
    const { state, run } = upstream()
    const opened = gate()
    const call = circuitBreaker(cache, { ...usual, probes: 2 }, async () => {
      if (!state.down) await opened.promise
      return run()
    })
    state.down = true
    await expect(call()).rejects.toThrow(Down)
    await elapse(30_000)
    state.down = false
    const settled = Promise.allSettled(Array.from({ length: 100 }, () => call()))
    await elapse(3_000)
    opened.open()
    await elapse(1_000)
    const answers = await settled
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  })

  it('opens again when the probe fails', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, onChange }, run)
    state.down = true
    await expect(call()).rejects.toThrow(Down)
    await elapse(30_000)
    await expect(call()).rejects.toThrow(Down)
    await expect(call()).rejects.toThrow(CircuitBreakerOpen)
    expect(changes).toEqual(['open', 'half-open', 'open'])
  })

  it('opens again when the probe fails, although that is the only failure of the period', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, period: '10s', minCalls: 2, onChange }, run)
    state.down = true
    for (let failure = 0; failure < 2; failure++) await expect(call()).rejects.toThrow(Down)
    await elapse(30_000)
    await expect(call()).rejects.toThrow(Down)
    await expect(call()).rejects.toThrow(CircuitBreakerOpen)
    expect(changes).toEqual(['open', 'half-open', 'open'])
  })

  it('frees the slot of a probe that has failed', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, halfOpenTtl: '1h' }, run)
    state.down = true
    for (let probe = 0; probe < 2; probe++) {
      await expect(call()).rejects.toThrow(Down)
      await elapse(30_000)
    }
    state.down = false
    expect(await call()).toBe('fine')
  })

  it('begins to count anew when it closes', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, minCalls: 3 }, run)
    state.down = true
    for (let nth = 0; nth < 3; nth++) await expect(call()).rejects.toThrow(Down)
    await elapse(30_000)
    state.down = false
    expect(await call()).toBe('fine')
    state.down = true
    for (let nth = 0; nth < 2; nth++) await expect(call()).rejects.toThrow(Down)
  })

  it('counts an error that is not listed as a success', async () => {
    const failures = [new Error('other'), new Error('other'), new Down('no'), new Error('last')]
    const fail = () => Promise.reject(failures.shift())
    const call = circuitBreaker(cache, { ...usual, errors: [Down] }, fail)
    for (const message of ['other', 'other', 'no', 'last']) await expect(call()).rejects.toThrow(message)
  })

  it('frees the slot of a hanging probe after halfOpenTtl', async () => {
    const { state, run } = upstream()
    let hangs = false
    const call = circuitBreaker(cache, { ...usual, halfOpenTtl: '5s' }, () => (hangs ? new Promise(() => {}) : run()))
    state.down = true
    await expect(call()).rejects.toThrow(Down)
    await elapse(30_000)
    hangs = true
    void call()
    await settle()
    hangs = state.down = false
    await expect(call()).rejects.toMatchObject({ code: 'CASHEWS_CIRCUIT_BREAKER_OPEN', retryAfter: 5 })
    await elapse(5_000)
    expect(await call()).toBe('fine')
  })

  describe('sends no probe that got its place after another had', () => {
    /** A breaker at the time for a probe, one of which is still on the way to its place. */
    const withLateProbe = async () => {
      const { state, run } = upstream()
      const asked = gate()
      const held = gate()
      let places = 0
      const slow: Middleware = async (call, next) => {
        if (call.command === 'setLock' && places++ === 0) {
          asked.open()
          await held.promise
        }
        return next(call)
      }
      cache.use(slow)
      const call = circuitBreaker(cache, { ...usual, onChange }, run)
      state.down = true
      await expect(call()).rejects.toThrow(Down)
      await elapse(30_000)
      const late = call()
      await asked.promise
      return { state, run, call, held, late }
    }

    it('failed', async () => {
      const { run, call, held, late } = await withLateProbe()
      await expect(call()).rejects.toThrow(Down)
      held.open()
      await expect(late).rejects.toThrow(CircuitBreakerOpen)
      expect(run).toHaveBeenCalledTimes(2)
    })

    it('succeeded', async () => {
      const { state, call, held, late } = await withLateProbe()
      state.down = false
      expect(await call()).toBe('fine')
      held.open()
      expect(await late).toBe('fine')
      expect(changes).toEqual(['open', 'half-open', 'closed'])
    })
  })

  it('stays closed when a probe fails after another has closed it', async () => {
    const { state, run } = upstream()
    const hanging = gate<string>()
    let hangs = false
    const call = circuitBreaker(cache, { ...usual, halfOpenTtl: '5s', onChange }, () =>
      hangs ? hanging.promise : run(),
    )
    state.down = true
    await expect(call()).rejects.toThrow(Down)
    await elapse(30_000)
    hangs = true
    const late = call()
    await settle()
    hangs = state.down = false
    await elapse(5_000)
    for (let nth = 0; nth < 4; nth++) expect(await call()).toBe('fine')
    hanging.fail(new Down('late'))
    await expect(late).rejects.toThrow('late')
    expect(await call()).toBe('fine')
    expect(changes).toEqual(['open', 'half-open', 'half-open', 'closed'])
  })

  it('opens, and stays open, inside invalidateFurther', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, usual, run)
    state.down = true
    await expect(invalidateFurther(call)).rejects.toThrow(Down)
    await expect(invalidateFurther(call)).rejects.toThrow(CircuitBreakerOpen)
    await expect(call()).rejects.toThrow(CircuitBreakerOpen)
  })

  it('lets the function invalidate what it reads inside invalidateFurther', async () => {
    await cache.set('read', 1)
    const call = circuitBreaker(cache, usual, () => cache.get('read'))
    expect(await invalidateFurther(call)).toBeUndefined()
    expect(await cache.exists('read')).toBe(false)
  })

  it('passes on the result of a probe when the breaker cannot be closed', async () => {
    const errors: unknown[] = []
    const sick = createCache({ onError: (error) => errors.push(error) })
    const away = () => Promise.reject(new BackendError('read-only'))
    sick.setup(altered(create(), { delete: away, deleteMany: away }), { suppress: false })
    const { state, run } = upstream()
    const call = circuitBreaker(sick, usual, run)
    state.down = true
    await expect(call()).rejects.toThrow(Down)
    await elapse(30_000)
    state.down = false
    expect(await call()).toBe('fine')
    expect(errors).toEqual([expect.objectContaining({ message: 'read-only' })])
  })

  it('counts a sliding period', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, minCalls: 4, onChange }, run)
    const fail = async (times: number) => {
      state.down = true
      for (let nth = 0; nth < times; nth++) await expect(call()).rejects.toThrow(Down)
      state.down = false
    }
    await fail(2)
    await elapse(50_000)
    await fail(1)
    expect(changes).toEqual([])
    await elapse(20_000) // the first two are out of the window, the third is not
    await fail(2)
    expect(changes).toEqual([])
    await elapse(30_000)
    await fail(1)
    expect(changes).toEqual(['open'])
  })

  it('counts the successes of the whole period before a failure', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, onChange }, run)
    for (let nth = 0; nth < 3; nth++) await call()
    await elapse(40_000)
    state.down = true
    for (let nth = 0; nth < 2; nth++) await expect(call()).rejects.toThrow(Down)
    expect(changes).toEqual([])
    await expect(call()).rejects.toThrow(Down)
    expect(changes).toEqual(['open'])
  })

  it('writes successes once a second at most, and other caches count them then', async () => {
    const backend = create()
    const { state, run } = upstream()
    const incr = vi.spyOn(backend, 'incr')
    const [one, other] = [1, 2].map(() =>
      circuitBreaker(createCache().setup(backend), { ...usual, minCalls: 10, errorsRate: 20, onChange }, run),
    )
    for (let nth = 0; nth < 9; nth++) await one?.()
    expect(incr).not.toHaveBeenCalled()
    await elapse(1_000)
    expect(incr).toHaveBeenCalledTimes(1)
    state.down = true
    await expect(other?.()).rejects.toThrow(Down)
    expect(changes).toEqual([]) // 1 of 10
    await expect(other?.()).rejects.toThrow(Down)
    await expect(other?.()).rejects.toThrow(Down)
    expect(changes).toEqual(['open']) // 3 of 12
    await backend.close()
  })

  it('counts the successes of calls that take longer than the interval of writing', async () => {
    const { state, run } = upstream()
    const call = circuitBreaker(cache, { ...usual, onChange }, async () => {
      if (!state.down) await new Promise((resolve) => setTimeout(resolve, 2_500))
      return run()
    })
    const slow = Promise.all(Array.from({ length: 4 }, () => call()))
    for (let second = 0; second < 4; second++) await elapse(1_000)
    await slow
    state.down = true
    for (let nth = 0; nth < 3; nth++) await expect(call()).rejects.toThrow(Down)
    expect(changes).toEqual([]) // 3 of 7
    await expect(call()).rejects.toThrow(Down)
    expect(changes).toEqual(['open']) // 4 of 8
  })

  it('writes outstanding successes when the cache is closed', async () => {
    const backend = create()
    const close = vi.spyOn(backend, 'close').mockImplementation(() => undefined)
    const [own, other] = [1, 2].map(() => createCache().setup(backend))
    const { state, run } = upstream()
    const call = circuitBreaker(own as Cache, usual, run)
    for (let nth = 0; nth < 9; nth++) await call()
    await own?.close()
    expect(close).toHaveBeenCalledOnce()
    state.down = true
    const failing = circuitBreaker(other as Cache, { ...usual, errorsRate: 20, onChange }, run)
    await expect(failing()).rejects.toThrow(Down)
    expect(changes).toEqual([]) // 1 of 10
    await expect(failing()).rejects.toThrow(Down)
    await expect(failing()).rejects.toThrow(Down)
    expect(changes).toEqual(['open']) // 3 of 12
    close.mockRestore()
    await backend.close()
  })

  it('passes on the error of the function when it cannot be counted', async () => {
    const errors: unknown[] = []
    const sick = createCache({ onError: (error) => errors.push(error) })
    sick.setup(altered(create(), { incr: () => Promise.reject(new BackendError('full')) }), { suppress: false })
    const { state, run } = upstream()
    state.down = true
    await expect(circuitBreaker(sick, usual, run)()).rejects.toThrow(Down)
    expect(errors).toEqual([expect.objectContaining({ message: 'full' })])
  })

  it('counts only the errors listed', async () => {
    const call = circuitBreaker(cache, { ...usual, errors: [Down], onChange }, async () => {
      throw new TypeError('ours')
    })
    for (let nth = 0; nth < 5; nth++) await expect(call()).rejects.toThrow(TypeError)
    expect(changes).toEqual([])
  })

  it('counts no call that its caller aborted, but a call that timed out', async () => {
    const abortable = async () => {
      const signal = loadSignal()
      signal?.throwIfAborted()
      return new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const call = circuitBreaker(cache, { ...usual, onChange }, abortable)
    const leave = async (reason: Error) => {
      const controller = new AbortController()
      const asked = call.with({ signal: controller.signal })()
      controller.abort(reason)
      await expect(asked).rejects.toBe(reason)
      await settle()
    }
    await leave(new DOMException('not wanted any more', 'AbortError'))
    expect(changes).toEqual([])
    await leave(new DOMException('too long', 'TimeoutError'))
    await vi.waitFor(() => expect(changes).toEqual(['open']))
  })

  it('is shared by all caches on the store', async () => {
    const backend = create()
    const { state, run } = upstream()
    const [one, other] = [1, 2].map(() => circuitBreaker(createCache().setup(backend), usual, run))
    state.down = true
    await expect(one?.()).rejects.toThrow(Down)
    await expect(other?.()).rejects.toThrow(CircuitBreakerOpen)
  })

  it('is one for the function without a key, and closes when it is invalidated', async () => {
    let down = true
    async function pay(_sum: number) {
      if (down) throw new Down('no')
      return 'paid'
    }
    const { key: _, ...options } = usual
    const call = circuitBreaker(cache, { ...options, onChange }, pay)
    await expect(call(1)).rejects.toThrow(Down)
    await expect(call(2)).rejects.toThrow(CircuitBreakerOpen)
    down = false
    expect(await call.invalidate(3)).toBe(true)
    expect(changes).toEqual(['open', 'closed'])
    expect(await call(2)).toBe('paid')
    expect(() => circuitBreaker(cache, options, pay)).toThrow(/circuitBreaker:pay/)
  })

  it('refuses invalid options', () => {
    const fn = async () => 1
    expect(() => circuitBreaker(cache, { ...usual, errorsRate: 0 }, fn)).toThrow(
      'errorsRate must be a number from 1 to 100, not 0.',
    )
    expect(() => circuitBreaker(cache, { ...usual, errorsRate: 101 }, fn)).toThrow(/to 100, not 101/)
    expect(() => circuitBreaker(cache, { ...usual, errorsRate: 0.5 }, fn)).toThrow(/from 1 to 100, not 0.5/)
    expect(() => circuitBreaker(cache, { ...usual, probes: 1.5 }, fn)).toThrow(
      'probes must be a whole number from 1 on, not 1.5.',
    )
    expect(() => circuitBreaker(cache, { ...usual, minCalls: 0 }, fn)).toThrow(/minCalls/)
    expect(() => circuitBreaker(cache, { errorsRate: 1, key: 'k' } as never, fn)).toThrow(
      "circuitBreaker needs a period, such as period: '1m'.",
    )
    expect(() => circuitBreaker(cache, { errorsRate: 1, period: 1 } as never, fn)).toThrow(/needs a ttl/)
    expect(() => circuitBreaker(cache, { ...usual, errors: TypeError } as never, fn)).toThrow(/list of classes/)
    expect(() => circuitBreaker(cache, { ...usual, onChange: 5 } as never, fn)).toThrow(
      'onChange must be a function, not 5.',
    )
  })
})

it.each([
  ['memory', (clock: Clock) => memory({ clock })],
  ['reference', (clock: Clock) => reference({ clock })],
])('is open for as long as the clock of the store says, whatever the clock of the host, on %s', async (_, create) => {
  const clock = handClock()
  const cache = createCache().setup(create(clock))
  const run = vi.fn(async () => 'fine').mockRejectedValueOnce(new Down('no'))
  const call = circuitBreaker(cache, { errorsRate: 50, period: '1m', ttl: '30s', key: 'k' }, run)
  vi.useFakeTimers({ now: clock.now(), toFake: ['Date'] })
  await expect(call()).rejects.toThrow(Down)
  for (const skew of [-3_600_000, 3_600_000]) {
    vi.setSystemTime(clock.now() + skew)
    await expect(call()).rejects.toMatchObject({ code: 'CASHEWS_CIRCUIT_BREAKER_OPEN', retryAfter: 30 })
  }
  clock.elapse(30_000)
  expect(await call()).toBe('fine')
  await cache.close()
  vi.useRealTimers()
})

it('notices at once in memory that another breaker with its key has opened', async () => {
  const cache = createCache().setup(memory())
  const rules = { errorsRate: 50, period: '1h', ttl: '1m', key: 'k' } as const
  const working = circuitBreaker(cache, rules, async () => 'fine')
  const failing = circuitBreaker(cache, rules, async () => Promise.reject(new Down('no')))
  expect([await working(), await working()]).toEqual(['fine', 'fine'])
  for (let nth = 0; nth < 3; nth++) await failing().catch(() => {})
  await expect(working()).rejects.toThrow(CircuitBreakerOpen)
  await working.invalidate()
  expect(await working()).toBe('fine')
  await cache.close()
})

it('reports an onChange that throws or rejects, and goes on', async () => {
  const errors: unknown[] = []
  const cache = createCache({ onError: (error) => errors.push(error) }).setup(memory())
  const fails = [
    () => {
      throw new Error('at once')
    },
    async () => Promise.reject(new Error('later')),
  ]
  for (const [nth, onChange] of fails.entries()) {
    const rules = { errorsRate: 50, period: '1h', ttl: '1m', key: `k${nth}`, onChange } as const
    const call = circuitBreaker(cache, rules, async () => Promise.reject(new Down('no')))
    await expect(call()).rejects.toThrow(Down)
    await expect(call()).rejects.toThrow(CircuitBreakerOpen)
  }
  expect(errors.map(String)).toEqual(['Error: at once', 'Error: later'])
  await cache.close()
})

it('is one for a method of a class without a key, whatever the instance and the arguments', async () => {
  const cache = createCache().setup(memory())
  const guarded = circuitBreaker(cache, { errorsRate: 50, period: '1h', ttl: '1m' })
  class Bank {
    @guarded async pay(_sum: number): Promise<string> {
      throw new Down('no')
    }
  }
  class Shop {
    @guarded async pay(_sum: number): Promise<string> {
      return 'paid'
    }
  }
  await expect(new Bank().pay(1)).rejects.toThrow(Down)
  await expect(new Bank().pay(2)).rejects.toThrow(CircuitBreakerOpen)
  expect(await new Shop().pay(2)).toBe('paid')
  expect(handleOf(new Bank(), 'pay').template).toBe('circuitBreaker:Bank.pay')
  await cache.close()
})

it('is one for each instance with noSelf: false', async () => {
  const cache = createCache().setup(memory())
  class Bank {
    readonly #name: string
    constructor(name: string) {
      this.#name = name
    }
    toString(): string {
      return this.#name
    }
    @circuitBreaker(cache, { errorsRate: 50, period: '1h', ttl: '1m', noSelf: false })
    async pay(): Promise<string> {
      if (this.#name === 'broken') throw new Down('no')
      return 'paid'
    }
  }
  await expect(new Bank('broken').pay()).rejects.toThrow(Down)
  await expect(new Bank('broken').pay()).rejects.toThrow(CircuitBreakerOpen)
  expect(await new Bank('well').pay()).toBe('paid')
  await cache.close()
})
