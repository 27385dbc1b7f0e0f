import { BackendUnavailableError, type Cache, createCache } from '@cashews/core'
import { cached, early, failover, setDefaultFailErrors, soft, withErrors } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { fakeTime, gate, settle, sickStore } from './support/helpers.ts'

class Down extends Error {}

describe.each(stores)('on $name', ({ create, elapse }) => {
  let cache: Cache
  const onError = vi.fn()
  beforeEach(() => {
    fakeTime()
    onError.mockReset()
    cache = createCache({ onError }).setup(create())
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  /** A function that returns how often it has run, or fails while it is down. */
  const upstream = () => {
    const state = { down: undefined as Error | undefined, runs: 0 }
    const run = async () => {
      state.runs++
      if (state.down) throw state.down
      return state.runs
    }
    return { state, run }
  }

  it.each([
    [
      'soft',
      (run: () => Promise<number>) =>
        soft(cache, { ttl: '10s', softTtl: '5s', key: 'k', condition: withErrors() }, run),
    ],
    [
      'failover',
      (run: () => Promise<number>) => failover(cache, { ttl: '10s', key: 'k', condition: withErrors() }, run),
    ],
  ] as const)('%s keeps its last good result, even if the condition accepts errors', async (_, wrap) => {
    const { state, run } = upstream()
    const load = wrap(run)
    await load()
    await elapse(5_000)
    state.down = new Down('no')
    expect([await load(), await load(), await load.peek()]).toEqual([1, 1, 1])
  })

  describe('soft', () => {
    it('returns from the cache until softTtl, and computes again afterwards', async () => {
      const { run } = upstream()
      const load = soft(cache, { ttl: '10s', softTtl: '5s', key: 'k' }, run)
      expect([await load(), await load()]).toEqual([1, 1])
      await elapse(5_000)
      expect(await Promise.all([load(), load()])).toEqual([2, 2])
    })

    it('returns the old result when that fails, until the ttl', async () => {
      const { state, run } = upstream()
      const load = soft(cache, { ttl: '10s', softTtl: '5s', key: 'k' }, run)
      await load()
      state.down = new Down('no')
      await elapse(5_000)
      expect(await load()).toBe(1)
      await elapse(5_000)
      await expect(load()).rejects.toBe(state.down)
    })

    it('does not return the old result to a call that began before its ttl ended and fails after it', async () => {
      const opened = gate<number>()
      let runs = 0
      const load = soft(cache, { ttl: '10s', softTtl: '5s', key: 'k' }, async () => (runs++ ? opened.promise : 1))
      await load()
      await elapse(5_000)
      const calls = Promise.allSettled([load(), elapse(5_000).then(() => load())])
      await elapse(5_000)
      await settle()
      opened.fail(new Down('no'))
      expect(await calls).toMatchObject([{ reason: new Down('no') }, { reason: new Down('no') }])
    })

    it('returns it only for the errors listed', async () => {
      const { state, run } = upstream()
      const load = soft(cache, { ttl: '10s', softTtl: '5s', errors: [Down], key: 'k' }, run)
      await load()
      await elapse(5_000)
      state.down = new TypeError('other')
      await expect(load()).rejects.toBe(state.down)
      state.down = new Down('no')
      expect(await load()).toBe(1)
    })

    it('tells detect that an answer is stale', async () => {
      const { state, run } = upstream()
      const load = soft(cache, { ttl: '10s', softTtl: '5s', key: 'k' }, run)
      await load()
      await elapse(5_000)
      state.down = new Down('no')
      const { calls } = await cache.detect(() => load())
      expect(calls['soft:k']).toMatchObject([{ strategy: 'soft', hit: true, stale: true }])
    })

    it('refuses a softTtl that is not shorter than the ttl', () => {
      expect(() => soft(cache, { ttl: 5, softTtl: 6, key: 'k' }, async () => 1)).toThrow(/softTtl .* shorter/)
    })
  })

  describe('failover', () => {
    it('calls the function every time, and returns its last good result when it fails', async () => {
      const { state, run } = upstream()
      const load = failover(cache, { ttl: '10s', key: 'k' }, run)
      expect([await load(), await load()]).toEqual([1, 2])
      state.down = new Down('no')
      expect(await load()).toBe(2)
      await elapse(10_000)
      await expect(load()).rejects.toBe(state.down)
    })

    it('returns it for the errors listed, or for the default errors of the cache', async () => {
      const { state, run } = upstream()
      const load = failover(cache, { ttl: '10s', errors: [Down], key: 'k' }, run)
      const other = failover(cache, { ttl: '10s', key: 'other' }, run)
      await load()
      await other()
      state.down = new TypeError('other')
      await expect(load()).rejects.toBe(state.down)
      expect(await other()).toBe(2)
      setDefaultFailErrors(cache, Down)
      await expect(other()).rejects.toBe(state.down)
    })

    it('shares runs only with singleFlight: true', async () => {
      const { state, run } = upstream()
      const alone = failover(cache, { ttl: '10s', key: 'alone' }, run)
      await Promise.all([alone(), alone(), alone()])
      expect(state.runs).toBe(3)
      const shared = failover(cache, { ttl: '10s', key: 'shared', singleFlight: true }, run)
      await Promise.all([shared(), shared(), shared()])
      expect(state.runs).toBe(4)
    })

    it('does not store a result whose key was invalidated while it ran', async () => {
      const opened = gate<string>()
      let fails = false
      const load = failover(cache, { ttl: '10s', key: 'k' }, async () => {
        if (fails) throw new Down('no')
        return opened.promise
      })
      const loading = load()
      await settle()
      await load.invalidate()
      opened.open('outdated')
      await loading
      fails = true
      await expect(load()).rejects.toThrow(Down)
    })
  })

  describe('a stale answer', () => {
    it('is not stored as fresh by a strategy around it', async () => {
      const { state, run } = upstream()
      const inner = failover(cache, { ttl: '60s', key: 'in' }, run)
      const outer = cached(cache, { ttl: '60s', key: 'out' }, () => inner())
      await outer()
      await outer.invalidate()
      state.down = new Down('no')
      expect(await outer()).toBe(1)
      state.down = undefined
      expect(await outer()).toBe(3)
    })

    it.each([
      ['', (load: () => Promise<unknown>) => load()],
      [', and detects', async (load: () => Promise<unknown>) => (await cache.detect(load)).result],
    ])('is not stored either when the strategy around it shares the load of another call%s', async (_, call) => {
      const { state, run } = upstream()
      const opened = gate()
      const inner = failover(cache, { ttl: '60s', key: 'in', singleFlight: true }, async () => {
        await opened.promise
        return run()
      })
      const outers = ['a', 'b'].map((key) => cached(cache, { ttl: '60s', key }, async () => inner()))
      opened.open()
      await Promise.all(outers.map((outer) => outer()))
      await Promise.all(outers.map((outer) => outer.invalidate()))
      state.down = new Down('no')
      expect(await Promise.all(outers.map((outer) => call(outer)))).toEqual([1, 1])
      state.down = undefined
      expect(await outers[0]?.()).not.toBe(1)
      expect(await outers[1]?.()).not.toBe(1)
    })

    it('is not stored by a strategy whose function shares the load that answers it', async () => {
      const { state, run } = upstream()
      const opened = gate()
      const inner = failover(cache, { ttl: '60s', key: 'in' }, run)
      const middle = cached(cache, { ttl: '60s', key: 'middle' }, async () => {
        await opened.promise
        return inner()
      })
      const outer = cached(cache, { ttl: '60s', key: 'out' }, () => middle())
      await inner()
      state.down = new Down('no')
      const answers = [middle()]
      await settle()
      answers.push(outer())
      await settle()
      opened.open()
      expect(await Promise.all(answers)).toEqual([1, 1])
      state.down = undefined
      expect(await outer()).not.toBe(1)
    })

    it('of soft is not stored by failover', async () => {
      const { state, run } = upstream()
      const inner = soft(cache, { ttl: '60s', softTtl: '5s', key: 'in' }, run)
      const outer = failover(cache, { ttl: '600s', key: 'out' }, () => inner())
      await outer()
      await outer.invalidate()
      await elapse(5_000)
      state.down = new Down('no')
      expect(await outer()).toBe(1)
      expect(await outer.peek()).toBeUndefined()
    })
  })
})

describe.each([
  ['soft', (cache: Cache, run: () => Promise<number>) => soft(cache, { ttl: '10s', softTtl: '5s', key: 'k' }, run)],
  [
    'early without a background',
    (cache: Cache, run: () => Promise<number>) =>
      early(cache, { ttl: '10s', earlyTtl: '5s', background: false, key: 'k' }, run),
  ],
  ['failover', (cache: Cache, run: () => Promise<number>) => failover(cache, { ttl: '10s', key: 'k' }, run)],
])('%s whose store fails during the run', (name, wrap) => {
  /** A function with an old result, whose next run fails at the end, and whose store fails before that. */
  const grownOld = async (suppress: boolean) => {
    fakeTime()
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store, { suppress })
    const opened = gate<number>()
    let runs = 0
    const load = wrap(cache, async () => (runs++ ? opened.promise : 1))
    await load()
    vi.advanceTimersByTime(5_000)
    const answer = load()
    await settle()
    store.health.illness = async () => {
      throw new BackendUnavailableError('away')
    }
    return { answer, load, fail: () => opened.fail(new Down('no')) }
  }
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each([true, false])('returns the old result if one was found before it, with suppress: %s', async (suppress) => {
    const { answer, fail } = await grownOld(suppress)
    const outcome = answer.catch((error) => error)
    fail()
    expect(await outcome).toEqual(name === 'failover' ? new Down('no') : 1)
  })

  it.each([true, false])('does not return one that was invalidated since, with suppress: %s', async (suppress) => {
    const { answer, load, fail } = await grownOld(suppress)
    const failing = expect(answer).rejects.toThrow(Down)
    await load.invalidate().catch(() => {})
    fail()
    await failing
  })
})
