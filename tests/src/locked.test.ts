import { type Cache, createCache, LockedError, onTerms } from '@cashews/core'
import { cached, dynamic, early, failover, handleOf, hit, locked, soft } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, fakeTime, gate, recorder, settle } from './support/helpers.ts'

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

  describe('locked', () => {
    it('runs for one caller at a time, while the others wait', async () => {
      let inside = 0
      let most = 0
      const work = locked(cache, { ttl: '1m', key: 'k' }, async () => {
        most = Math.max(most, ++inside)
        await settle()
        return inside--
      })
      const all = Promise.all(Array.from({ length: 20 }, () => work()))
      await elapse(20_000)
      expect(await all).toHaveLength(20)
      expect(most).toBe(1)
    })

    it('does not wait with wait: false', async () => {
      const opened = gate()
      const work = locked(cache, { ttl: '1m', wait: false, key: 'k' }, () => opened.promise)
      const first = work()
      await settle()
      await expect(work()).rejects.toThrow(LockedError)
      opened.open()
      await first
    })

    it('waits with a few commands a second, until its deadline', async () => {
      const commands = recorder()
      cache.use(commands)
      await cache.setLock('locked:k', 'somebody', { ttl: '1m' })
      const work = locked(cache, { ttl: '1m', wait: '10s', key: 'k' }, async () => 1)
      const refused = expect(work()).rejects.toThrow(LockedError)
      await elapse(10_000)
      await refused
      expect(commands.commands.filter((command) => command === 'setLock').length).toBeLessThan(60)
    })

    it('checks the lock at least as often as checkInterval says', async () => {
      const commands = recorder()
      cache.use(commands)
      await cache.setLock('locked:k', 'somebody', { ttl: '1m' })
      const work = locked(cache, { ttl: '1m', wait: '10s', checkInterval: '50ms', key: 'k' }, async () => 1)
      const refused = expect(work()).rejects.toThrow(LockedError)
      await elapse(10_000)
      await refused
      expect(commands.commands.filter((command) => command === 'setLock').length).toBeGreaterThan(190)
    })

    it('refuses an invalid time at once', () => {
      const wrong = (options: object) => () => locked(cache, { ttl: '1m', key: 'k', ...options }, async () => 1)
      expect(wrong({ checkInterval: '0s' })).toThrow("'0s' is not a valid checkInterval")
      expect(wrong({ wait: 'soon' })).toThrow("'soon' is not a valid wait")
      const wrongLock = (lock: object) => () => cached(cache, { ttl: '1m', key: 'k', lock }, async () => 1)
      expect(wrongLock({ ttl: '0s' })).toThrow("'0s' is not a valid lock.ttl")
      expect(wrongLock({ tll: '1s' })).toThrow(
        'lock of cached takes the options { ttl, wait, checkInterval }, not tll.',
      )
      expect(wrongLock('yes' as never)).toThrow("not 'yes'")
    })

    it('holds the lock of an async generator until it ends or its reader leaves', async () => {
      const pages = locked(cache, { ttl: '10s', wait: false, key: 'k:{0}' }, async function* (name: string) {
        yield `${name}1`
        yield `${name}2`
      })
      const reading = pages('a')
      expect(await reading.next()).toEqual({ done: false, value: 'a1' })
      await expect(pages('a').next()).rejects.toThrow(LockedError)
      expect(await all(pages('b'))).toEqual(['b1', 'b2'])
      await reading.return()
      expect(await all(pages('a'))).toEqual(['a1', 'a2'])
      expect(await all(pages('a'))).toEqual(['a1', 'a2'])
      expect([pages.template, pages.key('a'), pages.length]).toEqual(['locked:k:{0}', 'locked:k:a', 1])
      await expect(pages('c').throw(new Error('no'))).rejects.toThrow('no')
    })

    it('reports an async generator to detect', async () => {
      const pages = locked(cache, { ttl: '10s', key: 'k:{0}' }, async function* (name: string) {
        yield name
      })
      const { calls } = await cache.detect(() => all(pages('a')))
      expect(calls['locked:k:a']).toMatchObject([{ strategy: 'locked', template: 'locked:k:{0}', hit: false }])
    })

    it('decorates a method that is an async generator, which handleOf finds', async () => {
      class Shop {
        readonly host = 'h'

        @locked(cache, { ttl: '10s', key: '{this.host}:{name}' })
        async *pages(name: string) {
          yield this.host + name
        }
      }
      const shop = new Shop()
      expect(await all(shop.pages('a'))).toEqual(['ha'])
      expect(handleOf(shop, 'pages').key('a')).toBe('locked:h:a')
    })

    it('stops waiting for a caller who aborts', async () => {
      await cache.setLock('locked:k', 'somebody', { ttl: '1m' })
      const work = locked(cache, { ttl: '1m', key: 'k' }, async () => 1)
      const controller = new AbortController()
      const leaving = expect(work.with({ signal: controller.signal })()).rejects.toThrow('enough')
      await settle()
      controller.abort(new Error('enough'))
      await leaving
    })

    it('reports a lost lock, and requires a ttl', async () => {
      const opened = gate()
      const work = locked(cache, { ttl: '1s', key: 'k' }, () => opened.promise)
      const working = work()
      await elapse(2_000)
      opened.open()
      await working
      expect(onError).toHaveBeenCalledExactlyOnceWith(expect.any(LockedError))
      expect(() => locked(cache, { key: 'k' } as never, async () => 1)).toThrow(/needs a ttl/)
    })
  })

  describe('lock: true', () => {
    it('loads once for all caches that share the store; the others read what was stored', async () => {
      const backend = create()
      const opened = gate<string>()
      const run = vi.fn(() => opened.promise)
      const loads = Array.from({ length: 4 }, () =>
        cached(createCache({ onError }).setup(backend), { ttl: '1m', key: 'k', lock: true }, run),
      )
      const answers = Promise.all(loads.map((load) => load()))
      await settle()
      opened.open('value')
      await elapse(2_000)
      expect(await answers).toEqual(Array(4).fill('value'))
      expect(run).toHaveBeenCalledTimes(1)
    })

    it('reports to detect and to an outer strategy that the others were answered from the cache', async () => {
      const backend = create()
      const opened = gate<string>()
      const [first, second] = ['a', 'b'].map(() => createCache({ onError }).setup(backend)) as [Cache, Cache]
      const loads = [first, second].map((each) =>
        cached(each, { ttl: '1m', key: 'k', lock: true }, () => opened.promise),
      )
      const outer = cached(second, { ttl: '1m', key: 'out', nested: false }, async () => loads[1]?.())
      const leading = loads[0]?.()
      await settle()
      const detecting = second.detect(() => outer())
      await settle()
      opened.open('value')
      await leading
      await elapse(2_000)
      const { result, calls } = await detecting
      expect(result).toBe('value')
      expect(calls.k).toMatchObject([{ strategy: 'cached', hit: true }])
      expect(calls.k?.[0]?.reason).toBeUndefined()
      expect(await outer.peek()).toBeUndefined()
    })

    it('loads once however long it takes', async () => {
      const backend = create()
      const opened = gate<string>()
      const run = vi.fn(() => opened.promise)
      const [first, second] = [0, 1].map(() =>
        cached(createCache({ onError }).setup(backend), { ttl: '1m', key: 'k', lock: true }, run),
      )
      const answers = Promise.all([first?.(), second?.()])
      await elapse(35_000)
      opened.open('value')
      await elapse(2_000)
      expect(await answers).toEqual(['value', 'value'])
      expect(run).toHaveBeenCalledTimes(1)
      expect(onError).not.toHaveBeenCalled()
    })

    it('renews a lock with a very long ttl no more often than others', async () => {
      const commands = recorder()
      cache.use(commands)
      const opened = gate<string>()
      const load = cached(cache, { ttl: '1m', key: 'k', lock: { ttl: Number.POSITIVE_INFINITY } }, () => opened.promise)
      const answer = load()
      await elapse(1_000)
      opened.open('value')
      await answer
      expect(commands.commands.filter((command) => command === 'setLock')).toHaveLength(1)
    })

    it('loads without the lock when it has waited in vain', async () => {
      await cache.setLock('lock:k', 'somebody', { ttl: '1h' })
      const run = vi.fn(async () => 1)
      const answer = cached(cache, { ttl: '1m', key: 'k', lock: { wait: '2s' } }, run)()
      await elapse(3_000)
      expect(await answer).toBe(1)
    })

    it('does not load for callers who have left while they waited for the lock', async () => {
      await cache.setLock('lock:k', 'somebody', { ttl: '1h' })
      const run = vi.fn(async () => 1)
      const load = cached(cache, { ttl: '1m', key: 'k', lock: { wait: '2s' } }, run)
      const abort = new AbortController()
      const answer = load.with({ signal: abort.signal })()
      await elapse(100)
      abort.abort(new Error('enough'))
      await expect(answer).rejects.toThrow('enough')
      await elapse(2_000)
      expect(run).not.toHaveBeenCalled()
      expect(onError).not.toHaveBeenCalled()
    })

    it('loads after the ttl of the lock when its holder has died', async () => {
      await cache.setLock('lock:k', 'dead', { ttl: '5s' })
      const run = vi.fn(async () => 1)
      const load = cached(cache, { ttl: '1m', key: 'k', lock: { ttl: '5s' } }, run)
      const answer = load()
      await elapse(4_000)
      expect(run).not.toHaveBeenCalled()
      await elapse(2_000)
      expect(await answer).toBe(1)
    })

    it.each(['cached', 'early', 'soft', 'failover', 'dynamic'] as const)('refreshes the value of %s', async (name) => {
      const run = vi.fn(async () => run.mock.calls.length)
      const wrap = { cached, early, soft, failover, dynamic }[name] as typeof cached
      const load = wrap(cache, { ttl: '1m', key: 'k', lock: true }, run)
      expect([await load(), await load.refresh(), await load.peek()]).toEqual([1, 2, 2])
    })

    it('runs the function of failover at each call', async () => {
      const run = vi.fn(async () => run.mock.calls.length)
      const load = failover(cache, { ttl: '1m', key: 'k', lock: true }, run)
      expect([await load(), await load()]).toEqual([1, 2])
    })

    it('replaces a used-up result of hit once for all caches', async () => {
      const backend = create()
      const run = vi.fn(async () => run.mock.calls.length)
      const [one, other] = [1, 2].map(() =>
        hit(createCache({ onError }).setup(backend), { ttl: '1m', key: 'k', cacheHits: 1, lock: true }, run),
      )
      expect([await one?.(), await other?.()]).toEqual([1, 1])
      const answers = Promise.all([one?.(), other?.()])
      await elapse(2_000)
      expect(await answers).toEqual([2, 2])
      expect(run).toHaveBeenCalledTimes(2)
    })

    it('lets dynamic refresh in the background', async () => {
      const run = vi.fn(async () => run.mock.calls.length)
      const load = dynamic(cache, { key: 'k', lock: true }, run)
      await load()
      await load()
      await elapse(100)
      expect(await load()).toBe(2)
    })

    it('lets early with beta refresh before earlyTtl', async () => {
      const run = vi.fn(async () => {
        await elapse(10)
        return run.mock.calls.length
      })
      const load = early(cache, { ttl: '1m', key: 'k', beta: 1e9, background: false, lock: true }, run)
      expect([await load(), await load()]).toEqual([1, 2])
    })

    it('replaces a value that is too old for the caller', async () => {
      const run = vi.fn(async () => run.mock.calls.length)
      const load = cached(cache, { ttl: '1m', key: 'k', lock: true }, run)
      await load()
      await elapse(2_000)
      expect(await onTerms({ maxAge: 1 }, load)).toBe(2)
    })

    it('passes on what the function throws, once', async () => {
      const run = vi.fn(async (): Promise<number> => {
        throw new LockedError('the function’s own')
      })
      const load = cached(cache, { ttl: '1m', key: 'k', lock: true }, run)
      await expect(load()).rejects.toThrow('own')
      expect(run).toHaveBeenCalledTimes(1)
    })
  })
})
