import { getEventListeners } from 'node:events'
import { memory } from '@cashews/backend-memory'
import { BackendUnavailableError, type Cache, COMMANDS, createCache, LockedError, type Locks } from '@cashews/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { altered, fakeTime, gate, hangs, recorder, settle, sickStore } from './support/helpers.ts'

beforeEach(fakeTime)
afterEach(() => vi.useRealTimers())

describe.each(stores)('locks on $name', ({ create, elapse, isInProcess }) => {
  let cache: Cache
  const onError = vi.fn()
  beforeEach(() => {
    onError.mockReset()
    cache = createCache({ onError }).setup(create())
  })
  afterEach(() => cache.close())

  describe('lock', () => {
    it('returns the result of its function, and frees the lock in any case', async () => {
      expect(await cache.lock('job', { ttl: 10 }, () => 'done')).toBe('done')
      expect(await cache.isLocked('job')).toBe(false)
      await expect(cache.lock('job', { ttl: 10 }, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
      expect(await cache.isLocked('job')).toBe(false)
      expect(onError).not.toHaveBeenCalled()
    })

    it('runs one function after another', async () => {
      const order: string[] = []
      const job = (name: string) =>
        cache.lock('job', { ttl: 10 }, async () => {
          order.push(`${name} begins`)
          await elapse(5)
          order.push(`${name} ends`)
        })
      const jobs = Promise.all([job('a'), job('b'), job('c')])
      for (let turn = 0; turn < 100; turn++) await elapse(20)
      await jobs
      expect(
        order
          .filter((_, at) => at % 2 === 0)
          .map((line) => line[0])
          .sort(),
      ).toEqual(['a', 'b', 'c'])
      for (let at = 0; at < 6; at += 2) expect(order[at]?.[0]).toBe(order[at + 1]?.[0])
    })

    it('refuses an unknown option', async () => {
      await expect(cache.lock('k', { ttl: 1, wat: 0 } as never, async () => 1)).rejects.toThrow('not wat')
    })

    it('gives each holder its own token', async () => {
      const tokens = new Set<string>()
      for (let at = 0; at < 3; at++) await cache.lock('job', { ttl: 10 }, ({ token }) => tokens.add(token))
      expect(tokens.size).toBe(3)
    })

    it('reports a lock that expired while it was held, and returns the result', async () => {
      const answer = cache.lock('job', { ttl: '100ms' }, async () => {
        await elapse(150)
        return 'late'
      })
      expect(await answer).toBe('late')
      expect(onError).toHaveBeenCalledExactlyOnceWith(expect.any(LockedError))
    })

    it('does not free a lock that another caller has taken meanwhile', async () => {
      await cache.lock('job', { ttl: '100ms' }, async () => {
        await elapse(150)
        expect(await cache.setLock('job', 'other', { ttl: 10 })).toBe(true)
      })
      expect(await cache.isLocked('job')).toBe(true)
      expect(onError).toHaveBeenCalledTimes(1)
    })

    it('mentions in its error a store that was replaced', async () => {
      const onError = vi.fn()
      const cache = createCache({ onError }).setup(create())
      await cache.lock('job', { ttl: 10 }, () => void cache.setup(create()))
      expect(onError).toHaveBeenCalledWith(
        expect.objectContaining({ message: expect.stringContaining('or its store was replaced') }),
      )
      await cache.close()
    })

    it('can be extended unless it was lost', async () => {
      await cache.lock('job', { ttl: '100ms' }, async (lock) => {
        await elapse(80)
        await lock.extend('100ms')
        await elapse(80)
        expect(await cache.isLocked('job')).toBe(true)
        await elapse(50)
        await expect(lock.extend('100ms')).rejects.toThrow(LockedError)
        expect(await cache.isLocked('job')).toBe(false)
      })
    })

    it.each([[0], ['0s'], [-1], [Number.NaN], ['soon']])('refuses a ttl of %j', async (ttl) => {
      await expect(cache.lock('job', { ttl: ttl as number }, () => 1)).rejects.toMatchObject({ code: 'CASHEWS_TTL' })
    })
  })

  describe('acquireLock', () => {
    it('holds the lock until the end of the block', async () => {
      {
        await using lock = await cache.acquireLock('job', { ttl: 10 })
        expect(lock.key).toBe('job')
        expect(await cache.isLocked('job')).toBe(true)
      }
      expect(await cache.isLocked('job')).toBe(false)
    })

    it('tells whether a release came in time', async () => {
      const lock = await cache.acquireLock('job', { ttl: '100ms' })
      expect(await lock.release()).toBe(true)
      expect(await lock.release()).toBe(false)
    })
  })

  describe('waiting', () => {
    it.each([[false as const], [0]])('does not happen with wait: %s', async (wait) => {
      await cache.setLock('job', 'other', { ttl: 10 })
      await expect(cache.acquireLock('job', { ttl: 10, wait })).rejects.toThrow('"job" is held by somebody else')
    })

    it('ends at its deadline', async () => {
      await cache.setLock('job', 'other', { ttl: 60 })
      const failed = vi.fn()
      void cache.acquireLock('job', { ttl: 10, wait: '1s' }).catch(failed)
      await elapse(990)
      expect(failed).not.toHaveBeenCalled()
      await elapse(10)
      await settle()
      expect(failed).toHaveBeenCalledExactlyOnceWith(expect.any(LockedError))
    })

    it('lasts as long as the ttl by default', async () => {
      await cache.setLock('job', 'other', { ttl: 60 })
      const failed = vi.fn()
      void cache.acquireLock('job', { ttl: '2s' }).catch(failed)
      await elapse(1_990)
      expect(failed).not.toHaveBeenCalled()
      await elapse(20)
      expect(failed).toHaveBeenCalledTimes(1)
    })

    it('ends at once when the lock is freed in this process', async () => {
      await cache.setLock('job', 'other', { ttl: 60 })
      const got = vi.fn()
      void cache.acquireLock('job', { ttl: 10, wait: 60 }).then(got)
      await elapse(10_000)
      expect(got).not.toHaveBeenCalled()
      await cache.unlock('job', 'other')
      await elapse(0)
      await settle()
      expect(got).toHaveBeenCalledTimes(1)
    })

    it('ends soon after the holder has lost the lock', async () => {
      await cache.setLock('job', 'other', { ttl: 1 })
      const got = vi.fn()
      void cache.acquireLock('job', { ttl: 10, wait: 60 }).then(got)
      await elapse(1_450)
      expect(got).toHaveBeenCalledTimes(1)
    })

    if (isInProcess)
      it('is short at first, so that a lock which is held briefly is taken soon', async () => {
        await cache.setLock('job', 'other', { ttl: '30ms' })
        const got = vi.fn()
        void cache.acquireLock('job', { ttl: 10, wait: 60 }).then(got)
        await elapse(100)
        expect(got).toHaveBeenCalledTimes(1)
      })

    it('takes a few commands a second', async () => {
      const seen = recorder()
      cache.use(seen)
      await cache.setLock('job', 'other', { ttl: 60 })
      const failed = vi.fn()
      void cache.acquireLock('job', { ttl: 10, wait: '10s' }).catch(failed)
      await elapse(10_100)
      expect(failed).toHaveBeenCalled()
      expect(seen.calls.length).toBeLessThan(60)
    })

    it('wakes one waiter for each release, in the order of arrival', async () => {
      await cache.setLock('job', 'other', { ttl: 60 })
      const order: number[] = []
      const seen = recorder()
      for (let at = 0; at < 5; at++) {
        void cache.lock('job', { ttl: 10, wait: 60 }, async () => order.push(at))
        await settle()
      }
      cache.use(seen)
      await cache.unlock('job', 'other')
      await elapse(0)
      await settle()
      expect(order.length).toBeGreaterThan(0)
      if (isInProcess) expect(order[0]).toBe(0)
      await elapse(2_000)
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4])
    })

    it('ends when its signal aborts, with the reason', async () => {
      await cache.setLock('job', 'other', { ttl: 60 })
      const abort = new AbortController()
      const failed = vi.fn()
      void cache.acquireLock('job', { ttl: 10, signal: abort.signal }).catch(failed)
      await elapse(100)
      const seen = recorder()
      cache.use(seen)
      abort.abort(new Error('enough'))
      await elapse(0)
      await settle()
      expect(failed).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'enough' }))
      expect(seen.calls).toEqual([])
      const before = vi.getTimerCount()
      await elapse(1_000)
      expect(vi.getTimerCount()).toBeLessThanOrEqual(before)
    })

    it('leaves no listener at a signal that lives on', async () => {
      const { signal } = new AbortController()
      await cache.setLock('job', 'other', { ttl: 2 })
      const waiting = cache.acquireLock('job', { ttl: 10, signal })
      for (let nth = 0; nth < 8; nth++) await elapse(300)
      await (await waiting).release()
      expect(getEventListeners(signal, 'abort')).toEqual([])
    })

    it('does not begin when its signal has aborted', async () => {
      const seen = recorder()
      cache.use(seen)
      await expect(
        cache.acquireLock('job', { ttl: 10, signal: AbortSignal.abort(new Error('enough')) }),
      ).rejects.toThrow('enough')
      expect(seen.calls).toEqual([])
    })

    it('frees a lock that is granted after its caller has given up', async () => {
      const abort = new AbortController()
      const waiting = cache.acquireLock('job', { ttl: 10, signal: abort.signal })
      abort.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough')
      expect(await cache.isLocked('job')).toBe(false)
    })

    it('ends at once when its signal aborts during a look at the store', async () => {
      await cache.setLock('job', 'other', { ttl: 60 })
      const abort = new AbortController()
      const waiting = cache.acquireLock('job', { ttl: 10, signal: abort.signal })
      abort.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough') // No time passes in between.
    })

    it('with isLocked returns whether the lock is still held', async () => {
      expect(await cache.isLocked('job', { wait: 1 })).toBe(false)
      await cache.setLock('job', 'other', { ttl: 60 })
      // No time passes in between.
      for (const wait of [0, false] as const) expect(await cache.isLocked('job', { wait })).toBe(true)
      const answers: boolean[] = []
      void cache.isLocked('job', { wait: '1s' }).then((answer) => answers.push(answer))
      void cache.isLocked('job', { wait: '1m' }).then((answer) => answers.push(answer))
      await elapse(1_010)
      expect(answers).toEqual([true])
      await cache.unlock('job', 'other')
      await elapse(400)
      expect(answers).toEqual([true, false])
    })
  })

  describe('while they are disabled', () => {
    it('are granted with cache.disable', async () => {
      cache.disable('setLock', 'unlock')
      expect(
        await cache.lock('job', { ttl: 10 }, () => cache.lock('job', { ttl: 10, wait: false }, () => 'both')),
      ).toBe('both')
      expect(onError).not.toHaveBeenCalled()
    })

    it('are granted inside disabling', async () => {
      await cache.setLock('job', 'other', { ttl: 10 })
      const run = () =>
        cache.lock('job', { ttl: 10, wait: false }, async (lock) => {
          await lock.extend(10)
          return 'done'
        })
      expect(await cache.disabling(COMMANDS, run)).toBe('done')
      expect(onError).not.toHaveBeenCalled()
    })
  })
})

describe('locks on a store that announces releases', () => {
  it('wake a waiter who was announced a release before and found the lock taken', async () => {
    const store = memory()
    const rung = gate()
    const released = vi.fn((): Promise<void> => hangs()).mockReturnValueOnce(rung.promise)
    Object.assign(store.locks as Locks, { released })
    const cache = createCache().setup(store)
    await cache.setLock('job', 'other', { ttl: 60 })
    const got = vi.fn()
    void cache.acquireLock('job', { ttl: 10, wait: 60 }).then(got)
    await settle()
    rung.open()
    await settle()
    expect(released).toHaveBeenCalledTimes(2)
    await cache.unlock('job', 'other')
    await settle()
    expect(got).toHaveBeenCalledTimes(1)
  })
})

describe('locks on a store that cannot tell of releases any more', () => {
  it('fail for who waits, and wake the next in his place', async () => {
    const store = memory()
    const lost = Promise.withResolvers<void>()
    const released = vi.fn((): Promise<void> => hangs()).mockReturnValueOnce(lost.promise)
    Object.assign(store.locks as Locks, { released })
    const cache = createCache().setup(store)
    await cache.setLock('job', 'other', { ttl: 60 })
    const failing = expect(cache.acquireLock('job', { ttl: 10, wait: 60 })).rejects.toThrow('away')
    const got = vi.fn()
    void cache.acquireLock('job', { ttl: 10, wait: 60 }).then(got)
    await settle()
    lost.reject(new BackendUnavailableError('away'))
    await failing
    await cache.unlock('job', 'other')
    await settle()
    expect(got).toHaveBeenCalledTimes(1)
  })
})

it('a lock costs its store nothing more once it is freed', async () => {
  const store = sickStore()
  const cache = createCache().setup(store)
  await cache.lock('job', { ttl: '1h' }, () => 'done')
  store.health.asked.length = 0
  await vi.advanceTimersByTimeAsync(60_000)
  expect(store.health.asked).toEqual([])
  await cache.close()
})

describe('locks on a store that is away', () => {
  const away = async (illness: () => Promise<never>) => {
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store)
    await cache.init()
    store.health.illness = illness
    return cache
  }

  it.each([
    ['refuses', () => Promise.reject(new BackendUnavailableError('away'))],
    ['hangs', hangs],
  ])('that %s are granted within the budget', async (_, illness) => {
    const cache = await away(illness)
    const run = vi.fn(async () => 'done')
    const answer = cache.lock('job', { ttl: '30s' }, run)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(run).toHaveBeenCalledTimes(1)
    expect(await answer).toBe('done')
    await cache.close()
  })

  it('are granted to a caller who does not wait', async () => {
    const cache = await away(() => Promise.reject(new BackendUnavailableError('away')))
    expect(await cache.lock('job', { ttl: '30s', wait: false }, () => 'done')).toBe('done')
    await cache.close()
  })

  it('are an error with suppress: false', async () => {
    const store = sickStore()
    const cache = createCache().setup(store, { suppress: false })
    await cache.init()
    store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    await expect(cache.acquireLock('job', { ttl: 1 })).rejects.toThrow(BackendUnavailableError)
    await cache.close()
  })

  it('are freed when they were taken and the answer was lost', async () => {
    const store = sickStore()
    const { acquire } = store.locks as Locks
    const locks: Locks = {
      ...(store.locks as Locks),
      async acquire(...lock) {
        await acquire(...lock)
        throw new BackendUnavailableError('no answer')
      },
    }
    const cache = createCache().setup(altered(store, { locks }), { suppress: false })
    await expect(cache.acquireLock('job', { ttl: '1m' })).rejects.toThrow('no answer')
    expect(await cache.isLocked('job')).toBe(false)
    await cache.close()
  })

  it('that a caller has given up are freed before it gets its reason, which it gets even if they cannot be', async () => {
    const store = sickStore()
    const freeing = gate<boolean>()
    const locks: Locks = { ...(store.locks as Locks), release: () => freeing.promise }
    const cache = createCache().setup(altered(store, { locks }), { suppress: false })
    const abort = new AbortController()
    const outcome = vi.fn()
    void cache.acquireLock('job', { ttl: '1m', signal: abort.signal }).catch(outcome)
    abort.abort(new Error('enough'))
    await settle()
    expect(outcome).not.toHaveBeenCalled()
    freeing.fail(new BackendUnavailableError('away'))
    await settle()
    expect(outcome).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'enough' }))
    await cache.close()
  })

  it('do not fail the function when the store goes away while it runs', async () => {
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store)
    const opened = gate()
    const answer = cache.lock('job', { ttl: '30s' }, async () => {
      store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
      await opened.promise
      return 'done'
    })
    opened.open()
    expect(await answer).toBe('done')
    await cache.close()
  })

  it('are freed when the store is back, though it was away when they ended', async () => {
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store)
    await cache.lock('job', { ttl: '1h' }, () => {
      store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    })
    await vi.advanceTimersByTimeAsync(30_000)
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await cache.isLocked('job')).toBe(false)
    await cache.close()
  })

  it('are freed when the store is back, if it took them after it had kept its caller waiting', async () => {
    const store = sickStore()
    const { acquire } = store.locks as Locks
    const thawed = gate()
    const locks: Locks = {
      ...(store.locks as Locks),
      acquire: (...lock) => thawed.promise.then(() => acquire(...lock)),
    }
    const cache = createCache({ onError: () => {} }).setup(altered(store, { locks }))
    const answer = cache.lock('job', { ttl: '1h' }, () => {
      store.health.illness = hangs
    })
    await vi.advanceTimersByTimeAsync(30_000)
    await answer
    store.health.illness = undefined
    thawed.open()
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await cache.isLocked('job')).toBe(false)
    await cache.close()
  })

  it('cost it nothing when it is back, if it was never asked for them', async () => {
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store)
    await cache.init()
    store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    for (let call = 0; call < 2; call++) await cache.get('k')
    await cache.lock('job', { ttl: '1h' }, () => 'done')
    store.health.illness = undefined
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(2_000)
    expect(store.health.asked).toEqual(['ping'])
    await cache.close()
  })

  it('leave nothing to do once their time is over', async () => {
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store)
    await cache.lock('job', { ttl: '10s' }, () => {
      store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    })
    await vi.advanceTimersByTimeAsync(10_000)
    store.health.illness = undefined
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(10_000)
    expect(store.health.asked).toEqual(['ping'])
    await cache.close()
  })
})
