import { type Cache, createCache, type Ttl } from '@cashews/core'
import { cached, early, withErrors } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { altered, fakeTime, gate, hangs, recorder } from './support/helpers.ts'

describe.each(stores)('early on $name', ({ create, elapse }) => {
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

  it('answers from the cache until earlyTtl', async () => {
    const run = vi.fn(async () => run.mock.calls.length)
    const load = early(cache, { ttl: '10s', earlyTtl: '7s', key: 'k' }, run)
    expect(await load()).toBe(1)
    await elapse(6_999)
    expect(await load()).toBe(1)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it.each<[string, Ttl | (() => Ttl)]>([
    ['forever', Number.POSITIVE_INFINITY],
    ['for a ttl of the call', () => '10s'],
  ])('refreshes from earlyTtl on what is kept %s', async (_, ttl) => {
    const run = vi.fn(async () => run.mock.calls.length)
    const load = early(cache, { ttl, earlyTtl: '7s', key: 'k' }, run)
    await load()
    await elapse(6_999)
    expect(await load()).toBe(1)
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(1)
    await elapse(1)
    expect(await load()).toBe(1)
    await elapse(0)
    expect(await load()).toBe(2)
  })

  it('returns the old result at once after earlyTtl, and refreshes once in the background', async () => {
    const opened = gate<number>()
    const run = vi.fn(async () => (run.mock.calls.length === 1 ? 1 : opened.promise))
    const load = early(cache, { ttl: '10s', earlyTtl: '7s', key: 'k' }, run)
    await load()
    await elapse(7_000)
    expect(await Promise.all(Array.from({ length: 20 }, () => load()))).toEqual(Array(20).fill(1))
    await elapse(0)
    expect(await load()).toBe(1)
    expect(run).toHaveBeenCalledTimes(2)
    opened.open(2)
    await elapse(0)
    expect(await load()).toBe(2)
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('refreshes once for all caches that share the store', async () => {
    const backend = create()
    const run = vi.fn(async () => run.mock.calls.length)
    const [one, other] = [1, 2].map(() =>
      early(createCache({ onError }).setup(backend), { ttl: '10s', earlyTtl: '5s', key: 'k' }, run),
    )
    await one?.()
    await elapse(5_000)
    expect(await Promise.all([one?.(), other?.(), one?.(), other?.()])).toEqual([1, 1, 1, 1])
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('refreshes when only the prefix of its keys has a store', async () => {
    const run = vi.fn(async () => run.mock.calls.length)
    const cache = createCache({ onError }).setup(create(), { prefix: 'early:' })
    const load = early(cache, { ttl: '10s', earlyTtl: '5s', key: 'rates' }, run)
    await load()
    await elapse(5_000)
    expect(await load()).toBe(1)
    await elapse(0)
    expect(await load()).toBe(2)
  })

  it.each([0, 45_000])('leaves a refresh to the cache that runs it, also after %d ms', async (time) => {
    const backend = create()
    const opened = gate<number>()
    const run = vi.fn(async () => (run.mock.calls.length === 1 ? 1 : opened.promise))
    const [one, other] = [1, 2].map(() =>
      early(createCache({ onError }).setup(backend), { ttl: '10m', earlyTtl: '5s', key: 'k' }, run),
    )
    await one?.()
    await elapse(5_000)
    await one?.()
    await elapse(time)
    expect(await other?.()).toBe(1)
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(2)
    opened.open(2)
    await elapse(0)
    expect(await other?.()).toBe(2)
  })

  it('checks once a second whether another process is still refreshing', async () => {
    const backend = create()
    const run = vi.fn(async () => (run.mock.calls.length === 1 ? 1 : hangs()))
    const seen = recorder()
    const caches = [createCache({ onError }).setup(backend), createCache({ onError }).setup(backend).use(seen)]
    const [one, other] = caches.map((cache) => early(cache, { ttl: '10m', earlyTtl: '5s', key: 'k' }, run))
    await one?.()
    await elapse(5_000)
    await one?.()
    await elapse(0)
    for (let nth = 0; nth < 8; nth++) {
      await other?.()
      await elapse(200)
    }
    expect(seen.commands.filter((command) => command === 'setLock')).toHaveLength(2)
  })

  it('starts another refresh when one has not ended after ten minutes', async () => {
    const run = vi.fn(async () => (run.mock.calls.length === 2 ? hangs() : run.mock.calls.length))
    const load = early(cache, { ttl: '1h', earlyTtl: '5s', key: 'k' }, run)
    await load()
    await elapse(5_000)
    await load()
    await elapse(599_000)
    await load()
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(2)
    await elapse(1_000)
    expect(await load()).toBe(1)
    await elapse(0)
    expect(await load()).toBe(3)
  })

  it('leaves a refresh to other processes when the cache is closed', async () => {
    const backend = altered(create(), { close: () => {} })
    const [closed, open] = [createCache({ onError }).setup(backend), createCache({ onError }).setup(backend)]
    const run = vi.fn(async () => (run.mock.calls.length === 2 ? hangs() : run.mock.calls.length))
    const [one, other] = [closed, open].map((cache) => early(cache, { ttl: '10m', earlyTtl: '5s', key: 'k' }, run))
    await one?.()
    await elapse(5_000)
    await one?.()
    await elapse(0)
    await closed.close()
    expect(await other?.()).toBe(1)
    await elapse(0)
    expect(await other?.()).toBe(3)
    expect(onError).not.toHaveBeenCalled()
  })

  it('shifts the refresh with jitter too, so that it comes before the expiry', async () => {
    vi.spyOn(Math, 'random').mockReturnValueOnce(1)
    const run = vi.fn(async () => run.mock.calls.length)
    const load = early(cache, { ttl: '10s', earlyTtl: '8s', jitter: 0.5, key: 'k' }, run)
    await load()
    await elapse(3_999)
    await load()
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(1)
    await elapse(1)
    expect(await load()).toBe(1)
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(2)
    vi.restoreAllMocks()
  })

  it('refreshes after a third of the ttl by default', async () => {
    const run = vi.fn(async () => run.mock.calls.length)
    const load = early(cache, { ttl: '9s', key: 'k' }, run)
    await load()
    await elapse(2_999)
    await load()
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(1)
    await elapse(1)
    await load()
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('reports a failed refresh, returns the old result, and tries again after a second', async () => {
    const run = vi.fn(async () => {
      if (run.mock.calls.length === 2) throw new Error('upstream')
      return run.mock.calls.length
    })
    const load = early(cache, { ttl: '60s', earlyTtl: '5s', key: 'k' }, run)
    await load()
    await elapse(5_000)
    expect(await load()).toBe(1)
    await elapse(0)
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error('upstream'))
    expect(await load()).toBe(1)
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(2)
    await elapse(1_000)
    expect(await load()).toBe(1)
    await elapse(0)
    expect(await load()).toBe(3)
  })

  it('lets the caller wait for the fresh result with background: false, and keeps the old one if that fails', async () => {
    const run = vi.fn(async () => {
      if (run.mock.calls.length === 3) throw new Error('upstream')
      return run.mock.calls.length
    })
    const load = early(cache, { ttl: '60s', earlyTtl: '5s', background: false, key: 'k' }, run)
    await load()
    await elapse(5_000)
    expect(await load()).toBe(2)
    await elapse(5_000)
    expect(await load()).toBe(2)
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error('upstream'))
  })

  it('does not keep the old one past its ttl with background: false', async () => {
    const opened = gate<number>()
    const run = vi.fn(async () => (run.mock.calls.length === 2 ? opened.promise : 1))
    const load = early(cache, { ttl: '10s', earlyTtl: '5s', background: false, key: 'k' }, run)
    await load()
    await elapse(5_000)
    const waiting = expect(load()).rejects.toThrow('upstream')
    await elapse(5_000)
    opened.fail(new Error('upstream'))
    await waiting
  })

  it('does not undo an invalidation by a refresh under way', async () => {
    const opened = gate<string>()
    const run = vi.fn(async () => (run.mock.calls.length === 2 ? opened.promise : `run ${run.mock.calls.length}`))
    const load = early(cache, { ttl: '60s', earlyTtl: '5s', key: 'k' }, run)
    await load()
    await elapse(5_000)
    await load()
    await elapse(0)
    await load.invalidate()
    opened.open('outdated')
    await elapse(0)
    expect(await load()).toBe('run 3')
  })

  it('runs once for all callers after the ttl', async () => {
    const run = vi.fn(async () => run.mock.calls.length)
    const load = early(cache, { ttl: '10s', earlyTtl: '7s', key: 'k' }, run)
    await load()
    await elapse(10_000)
    expect(await Promise.all([load(), load(), load()])).toEqual([2, 2, 2])
  })

  it('tells detect that an answer is stale, and why a value was computed', async () => {
    const load = early(cache, { ttl: '10s', earlyTtl: '7s', key: 'k' }, async () => 1)
    const miss = await cache.detect(() => load())
    expect(miss.calls['early:k']).toMatchObject([{ strategy: 'early', hit: false, reason: 'miss', ttl: 10 }])
    await elapse(7_000)
    const stale = await cache.detect(() => load())
    expect(stale.calls['early:k']).toContainEqual(
      expect.objectContaining({ strategy: 'early', hit: true, stale: true }),
    )
  })

  it('stores errors with withErrors, and throws them again', async () => {
    const run = vi.fn(async (): Promise<number> => {
      throw new TypeError('no')
    })
    const load = early(cache, { ttl: '10s', key: 'k', condition: withErrors(TypeError) }, run)
    await expect(load()).rejects.toThrow('no')
    await expect(load()).rejects.toThrow(TypeError)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('peeks at what is stored, and ignores a foreign value', async () => {
    const load = early(cache, { ttl: '10s', key: 'k' }, async () => 1)
    expect(await load.peek()).toBeUndefined()
    await load()
    expect(await load.peek()).toBe(1)
    await cache.set('early:k', 'foreign')
    expect(await load.peek()).toBeUndefined()
    expect(await load()).toBe(1)
  })

  it('is not stored as fresh by a strategy around it while it is stale', async () => {
    const run = vi.fn(async () => run.mock.calls.length)
    const inner = early(cache, { ttl: '60s', earlyTtl: '5s', key: 'in' }, run)
    const outer = cached(cache, { ttl: '1s', key: 'out' }, () => inner())
    await outer()
    await elapse(5_000)
    expect(await outer()).toBe(1)
    await elapse(0)
    expect(await outer()).toBe(2)
  })

  it('refreshes at random before earlyTtl with beta, the likelier the longer the function took', async () => {
    const run = vi.fn(async () => {
      await elapse(1_000)
      return run.mock.calls.length
    })
    const load = early(cache, { ttl: '60s', earlyTtl: '30s', beta: 1, key: 'k' }, run)
    await load()
    await elapse(25_000)
    const random = vi.spyOn(Math, 'random').mockReturnValue(Math.exp(-4))
    await load()
    await elapse(0)
    expect(run).toHaveBeenCalledTimes(1)
    random.mockReturnValue(Math.exp(-6))
    expect(await load()).toBe(1)
    await elapse(2_000)
    expect(run).toHaveBeenCalledTimes(2)
    random.mockRestore()
  })

  it('refuses an earlyTtl that is not shorter than the ttl, and a missing ttl', () => {
    expect(() => early(cache, { ttl: '5m', earlyTtl: '5m', key: 'k' }, async () => 1)).toThrow(/earlyTtl .* shorter/)
    expect(() => early(cache, { key: 'k' } as never, async () => 1)).toThrow(/needs a ttl/)
    expect(() => early(cache, { ttl: 1, early: 1 } as never, async () => 1)).toThrow(
      /takes the options .* not early\.$/,
    )
  })
})
