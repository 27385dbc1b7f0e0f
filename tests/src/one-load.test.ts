import { type Cache, createCache, keyContext } from '@cashews/core'
import { cached, singleFlight, soft } from '@cashews/strategies'
import DataLoader from 'dataloader'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { elapse, stores } from './support/backends.ts'
import { distantStore, fakeTime, gate, settle } from './support/helpers.ts'

beforeEach(fakeTime)
afterEach(() => vi.useRealTimers())

describe.each([...stores, { name: 'a distant store', create: () => distantStore(), elapse }])(
  'one load on $name',
  ({ create, elapse }) => {
    let cache: Cache
    beforeEach(() => {
      cache = createCache().setup(create())
    })

    /** Advances the fake timers until `work` is done, and returns its result. */
    const inTime = async <T>(work: Promise<T>): Promise<T> => {
      const settled = work.catch(() => undefined)
      await elapse(100)
      await settled
      return work
    }

    it('serves 1,000 concurrent callers of a cached function', async () => {
      const opened = gate()
      const load = vi.fn(async (id: string) => {
        await opened.promise
        return { id }
      })
      const getUser = cached(cache, { ttl: 10, key: 'user:{id}', args: ['id'] }, load)
      const callers = Array.from({ length: 1_000 }, () => getUser('1'))
      await vi.advanceTimersByTimeAsync(50)
      opened.open()
      const answers = await inTime(Promise.all(callers))
      expect(load).toHaveBeenCalledTimes(1)
      expect(answers).toEqual(Array(1_000).fill({ id: '1' }))
    })

    it('lets a function call itself before its first await, which runs it again as without a cache', async () => {
      let runs = 0
      const load = cached(cache, { ttl: 10, key: 'key' }, (): Promise<number> | number => (++runs < 5 ? load() : runs))
      expect(await inTime(load())).toBe(5)
      const getOrSet = (): Promise<number> => cache.getOrSet('value', () => (++runs < 10 ? getOrSet() : runs))
      expect(await inTime(getOrSet())).toBe(10)
    })

    it('lets it call itself also when it replaces a stale value', async () => {
      let runs = 0
      const count = (): Promise<number> | number => (++runs % 3 ? load() : runs)
      const load = soft(cache, { ttl: 20, softTtl: 10, key: 'key' }, count)
      expect(await inTime(load())).toBe(3)
      await elapse(10_000)
      expect(await inTime(load())).toBe(6)
    })

    it('serves 1,000 concurrent callers of getOrSet', async () => {
      const load = vi.fn(async () => 'value')
      const answers = await inTime(Promise.all(Array.from({ length: 1_000 }, () => cache.getOrSet('key', load))))
      expect(load).toHaveBeenCalledTimes(1)
      expect(new Set(answers)).toEqual(new Set(['value']))
    })

    it('serves callers that come while the value is being stored', async () => {
      const load = vi.fn(async () => 'value')
      const first = cache.getOrSet('key', load)
      await vi.advanceTimersByTimeAsync(15)
      const second = cache.getOrSet('key', load)
      expect(await inTime(Promise.all([first, second]))).toEqual(['value', 'value'])
      expect(load).toHaveBeenCalledTimes(1)
    })

    it.each([
      ['cached', (load: () => Promise<string>) => cached(cache, { ttl: 10, key: 'k' }, load)],
      ['singleFlight', (load: () => Promise<string>) => singleFlight(cache, { key: 'k' }, load)],
    ])('of %s is joined again after a concurrent refresh has failed', async (_, wrap) => {
      const runs = [gate<string>(), gate<string>(), gate<string>()]
      let begun = 0
      const wrapped = wrap(() => (runs[begun++] as (typeof runs)[0]).promise)
      const first = wrapped()
      await inTime(settle())
      const refreshes = [wrapped.refresh(), wrapped.refresh()]
      await inTime(settle())
      for (const [nth, refreshed] of refreshes.entries()) {
        runs[nth + 1]?.fail(new Error('no'))
        await expect(inTime(refreshed)).rejects.toThrow('no')
      }
      const later = wrapped()
      await inTime(settle())
      runs[0]?.open('value')
      expect(await inTime(Promise.all([first, later]))).toEqual(['value', 'value'])
      expect(begun).toBe(3)
    })

    it('is not joined after a refresh has returned a newer value, stored or not', async () => {
      const runs = [gate<string>(), gate<string>()]
      let begun = 0
      const load = () => runs[begun++]?.promise ?? Promise.resolve('newest')
      const wrapped = cached(cache, { ttl: 10, key: 'k', condition: (result) => result === 'newest' }, load)
      const first = wrapped()
      await inTime(settle())
      const refreshed = wrapped.refresh()
      await inTime(settle())
      runs[1]?.open('newer')
      expect(await inTime(refreshed)).toBe('newer')
      expect(await inTime(wrapped())).toBe('newest')
      runs[0]?.open('older')
      expect(await inTime(first)).toBe('older')
      expect(await inTime(wrapped())).toBe('newest')
    })

    it('runs once for each key', async () => {
      const load = vi.fn(async (id: number) => id)
      const byId = cached(cache, { ttl: 10, key: 'k:{id}', args: ['id'] }, load)
      const answers = await inTime(Promise.all(Array.from({ length: 100 }, (_, at) => byId(at % 10))))
      expect(load).toHaveBeenCalledTimes(10)
      expect(answers.slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    })

    it('fails once for all callers, stores nothing, and the next call runs again', async () => {
      const failure = new Error('once')
      const load = vi.fn(() => Promise.reject<string>(failure))
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, load)
      const answers = await inTime(Promise.allSettled(Array.from({ length: 100 }, () => wrapped())))
      expect(load).toHaveBeenCalledTimes(1)
      for (const answer of answers) expect(answer).toMatchObject({ status: 'rejected', reason: failure })
      load.mockResolvedValue('fine')
      expect(await inTime(wrapped())).toBe('fine')
      expect(load).toHaveBeenCalledTimes(2)
    })

    it('fails for all callers when the function throws synchronously', async () => {
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, (): string => {
        throw new Error('at once')
      })
      const answers = await inTime(Promise.allSettled([wrapped(), wrapped()]))
      expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    })

    it('continues when a caller gives up', async () => {
      const opened = gate()
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => {
        await opened.promise
        return 'value'
      })
      const abort = new AbortController()
      const gaveUp = Promise.race([
        wrapped(),
        new Promise((_, reject) => abort.signal.addEventListener('abort', () => reject(new Error('gave up')))),
      ])
      const patient = wrapped()
      abort.abort()
      await expect(gaveUp).rejects.toThrow('gave up')
      await vi.advanceTimersByTimeAsync(50)
      opened.open()
      expect(await inTime(patient)).toBe('value')
      expect(await inTime(cache.get('k'))).toBe('value')
    })

    it('is not shared between callers with different key contexts', async () => {
      const load = vi.fn(async () => 'value')
      const wrapped = cached(cache, { ttl: 10, key: '{@tenant}:k' }, load)
      const ask = (tenant: string) => keyContext({ tenant }, () => wrapped())
      await inTime(Promise.all([ask('a'), ask('b'), ask('a')]))
      expect(load).toHaveBeenCalledTimes(2)
    })

    it('is not shared with singleFlight: false', async () => {
      const load = vi.fn(async () => 'value')
      const wrapped = cached(cache, { ttl: 10, key: 'k', singleFlight: false }, load)
      await inTime(Promise.all([wrapped(), wrapped(), wrapped()]))
      expect(load).toHaveBeenCalledTimes(3)
      expect(await inTime(cache.get('k'))).toBe('value')
    })

    it('returns to each call of a function around another cached one its own value', async () => {
      const inner = cached(cache, { ttl: 10, key: 'inner:{id}' }, async (id: number) => id)
      const outer = cached(cache, { ttl: 10, key: 'outer:{id}' }, async (id: number) => (await inner(id % 2)) * 10 + id)
      expect(await inTime(Promise.all([0, 1, 2, 3].map((id) => outer(id))))).toEqual([0, 11, 2, 13])
    })

    it('starts after the load before it is over', async () => {
      let version = 0
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => ++version)
      expect(await inTime(wrapped())).toBe(1)
      await inTime(wrapped.invalidate())
      expect(await inTime(wrapped())).toBe(2)
    })

    it('reads a cached value once for many concurrent callers', async () => {
      await inTime(cache.set('k', { deep: [1] }))
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => ({ deep: [0] }))
      const answers = await inTime(Promise.all(Array.from({ length: 10 }, () => wrapped())))
      expect(answers).toEqual(Array(10).fill({ deep: [1] }))
      await settle()
    })
  },
)

describe.each(stores)('many loads on $name', ({ create, elapse }) => {
  it('that begin together reach a DataLoader as one batch', async () => {
    const cache = createCache().setup(create())
    const batches: (readonly string[])[] = []
    const queryUsers = async (ids: readonly string[]) => {
      batches.push(ids)
      return ids.map((id) => (id === 'nobody' ? new Error('no such user') : { id }))
    }
    const users = new DataLoader(queryUsers, { cache: false })
    const getUser = cached(cache, { ttl: 10, key: 'user:{id}', args: ['id'] }, (id: string) => users.load(id))
    const getUsers = (...ids: string[]) => Promise.allSettled(ids.map((id) => getUser(id)))
    await getUsers('1', '2', '3')
    const [, third, , nobody] = await getUsers('2', '3', '4', 'nobody')
    expect(batches).toEqual([
      ['1', '2', '3'],
      ['4', 'nobody'],
    ])
    expect([third?.status, nobody?.status]).toEqual(['fulfilled', 'rejected'])
    await elapse(10_000)
    await getUsers('1')
    expect(batches[2]).toEqual(['1'])
    await cache.close()
  })
})
