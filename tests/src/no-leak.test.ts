import { memory } from '@cashews/backend-memory'
import { type BackendHost, createCache } from '@cashews/core'
import { cached, iterator, singleFlight } from '@cashews/strategies'
import { transaction } from '@cashews/transactions'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { gc, isFreed } from './support/collected.ts'
import { all, gate, settle, syncStore } from './support/helpers.ts'

/** Random numbers from 0 to `below`, the same in every run. */
function series(seed = 1): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

afterEach(() => vi.useRealTimers())

describe('no leak', () => {
  it('of caches that nobody closed, by the store that they have in common, which serves the others as before', async () => {
    const close = vi.fn()
    const hosts: BackendHost[] = []
    const store = syncStore({ close, open: (host) => void hosts.push(host) })
    const forgotten = await (async () => {
      const cache = createCache().setup(store)
      await cache.set('key', 1)
      return new WeakRef(cache)
    })()
    const heard = vi.fn()
    const cache = createCache({ onError: heard }).setup(store)
    cache.on('removed', ({ key }) => heard(key))
    await cache.set('key', 2)
    expect(await isFreed(forgotten)).toBe(true)
    hosts[0]?.removed('key', 'expired')
    await Promise.resolve()
    hosts[0]?.error('broken')
    expect(heard.mock.calls).toEqual([['key'], ['broken']])
    await using later = createCache().setup(store)
    expect(await later.get('key')).toBe(2)
    await cache.close()
    expect(close).not.toHaveBeenCalled()
    await later.close()
    expect(close).toHaveBeenCalledOnce()
  })

  it('of keys, among more calls than are remembered', async () => {
    const cache = createCache().setup(memory({ size: 10 }))
    const load = cached(cache, { ttl: 10, key: 'k:{0}' }, async (id: string) => id.length)
    const call = async (from: number, to: number) => {
      for (let id = from; id < to; id++) {
        const padded = `${id}`.padStart(100)
        await load(padded)
        await load(padded) // The key of a synchronous hit is remembered.
      }
      gc()
      return process.memoryUsage().heapUsed / 1024 ** 2
    }
    const before = await call(0, 30_000)
    const after = await call(30_000, 130_000)
    expect(after - before).toBeLessThan(15)
    await cache.close()
  })

  it('of items that were read of a sequence too long to be stored', async () => {
    const cache = createCache().setup(memory())
    const items: WeakRef<object>[] = []
    const endless = iterator(cache, { ttl: 10, key: 'k', maxItems: 2 }, async function* () {
      for (;;) {
        const item = {}
        items.push(new WeakRef(item))
        yield item
      }
    })
    const reader = endless()
    for (let nth = 0; nth < 5; nth++) await reader.next()
    expect(await isFreed(items[0] as WeakRef<object>)).toBe(true)
    await reader.return()
    await cache.close()
  })

  it.each([
    ['a store that answers at once', () => memory({ size: 50 })],
    ['a store that does not', () => syncStore({ getNow: undefined as never })],
  ])('of memory through 10,000 random operations on %s', async (_, create) => {
    const cache = createCache({ onError: () => {} }).setup(create())
    const next = series()
    // Keys by functions: those of templates are remembered, up to a bound that is far from here.
    const load = cached(cache, { ttl: 10, key: (id: string) => `k:${id}` }, async (id: string, fail: boolean) => {
      if (fail) throw new Error('no')
      return { id }
    })
    const flight = singleFlight(cache, { key: (id: string) => `f:${id}` }, async (id: string) => id)
    const operate = async (at: number): Promise<unknown> => {
      const id = `${at % 5 === 0 ? next(20) : at}`
      switch (next(10)) {
        case 0:
          return load.invalidate(id, false)
        case 1:
          return cache.deleteMatch('k:1*')
        case 2:
          return cache.getOrSet(`k:${id}`, () => id)
        case 3:
          return flight(id)
        case 4:
          return cache.detect(() => load(id, false))
        case 5:
          return cache.disabling(['get'], () => load(id, false))
        case 6: {
          using _ = cache.on('get', () => {})
          return load(id, false)
        }
        case 7:
          return load.refresh(id, next(2) === 0)
        case 8:
          return cache.lock(`l:${id}`, { ttl: 10 }, () => id)
        default:
          return load(id, next(2) === 0)
      }
    }
    const batch = async (from: number) => {
      await Promise.allSettled(Array.from({ length: 1_000 }, (_, at) => operate(from + at)))
      await cache.clear()
      // What has a deadline is noted until its turn of the event loop ends, and promises alone never let it end.
      await new Promise(setImmediate)
      gc()
      return process.memoryUsage().heapUsed
    }
    for (let round = 0; round < 5; round++) await batch(round * 1_000)
    const before = await batch(5_000)
    for (let round = 6; round < 16; round++) await batch(round * 1_000)
    expect((await batch(16_000)) - before).toBeLessThan(500_000)
    await cache.close()
  })

  it.each(['commit', 'fail'])('of what was loaded in transactions that %s', async (ends) => {
    const cache = createCache().setup(memory({ size: 10 }))
    const load = cached(cache, { ttl: 10, key: (id) => id }, async (_id: string) => 'loaded')
    const transact = async (from: number, to: number) => {
      for (let id = from; id < to; id++) {
        const work = async () => {
          await load(`${id}`.padStart(1_000))
          if (ends === 'fail') throw new Error('no')
        }
        await transaction(cache, work).catch(() => {})
      }
      gc()
      return process.memoryUsage().heapUsed
    }
    const before = await transact(0, 1_000)
    expect((await transact(1_000, 4_000)) - before).toBeLessThan(1_000_000)
    await cache.close()
  })

  it('of a value whose load was overtaken', async () => {
    const cache = createCache().setup(syncStore())
    let ref: WeakRef<object> | undefined
    await (async () => {
      const opened = gate<object>()
      const loading = cache.getOrSet('key', () => opened.promise)
      await settle()
      await cache.delete('key')
      const value = { large: new Uint8Array(1_000_000) }
      ref = new WeakRef(value)
      opened.open(value)
      await loading
    })()
    expect(await isFreed(ref as unknown as WeakRef<object>)).toBe(true)
  })

  it('of arguments of a call that failed', async () => {
    const cache = createCache().setup(memory())
    const load = cached(cache, { ttl: 1, key: () => 'k' }, async (_big: object) => {
      throw new Error('no')
    })
    let ref: WeakRef<object> | undefined
    await (async () => {
      const big = { large: new Uint8Array(1_000_000) }
      ref = new WeakRef(big)
      await load(big).catch(() => {})
    })()
    expect(await isFreed(ref as unknown as WeakRef<object>)).toBe(true)
  })

  it.each(['cached', 'singleFlight'])(
    'of a load of %s that never ends, once all callers have left',
    async (strategy) => {
      const cache = createCache().setup(memory())
      const never = async (_big: object) => new Promise(() => {})
      const load =
        strategy === 'cached'
          ? cached(cache, { ttl: 1, key: () => 'k' }, never)
          : singleFlight(cache, { key: () => 'k' }, never)
      const abort = new AbortController()
      const leave = async () => {
        const big = { large: new Uint8Array(1_000_000) }
        const waiting = load.with({ signal: abort.signal })(big)
        await settle()
        abort.abort()
        await expect(waiting).rejects.toThrow()
        return new WeakRef(big)
      }
      expect(await isFreed(await leave())).toBe(true)
    },
  )

  it('of a listener that was taken off', async () => {
    const cache = createCache().setup(memory())
    let ref: WeakRef<object> | undefined
    await (async () => {
      const listener = () => {}
      ref = new WeakRef(listener)
      using _ = cache.on('set', listener)
      await cache.set('key', 1)
    })()
    expect(await isFreed(ref as unknown as WeakRef<object>)).toBe(true)
  })

  it('of a backend that another one took the place of', async () => {
    const cache = createCache()
    let ref: WeakRef<object> | undefined
    await (async () => {
      const backend = memory()
      ref = new WeakRef(backend)
      cache.setup(backend)
      await cache.getOrSet('key', () => 1)
      await cache.lock('job', { ttl: 1 }, () => 1)
    })()
    cache.setup(memory())
    await cache.set('key', 1)
    expect(await isFreed(ref as unknown as WeakRef<object>)).toBe(true)
  })

  it('of timers, whoever waited for a lock or did not', async () => {
    vi.useFakeTimers()
    const cache = createCache().setup(syncStore())
    await cache.setLock('job', 'other', { ttl: 60 })
    const abort = new AbortController()
    const waiting = Promise.allSettled([
      cache.acquireLock('job', { ttl: 1, wait: '1s' }),
      cache.acquireLock('job', { ttl: 1, wait: '1m', signal: abort.signal }),
      cache.isLocked('job', { wait: '1s' }),
    ])
    await vi.advanceTimersByTimeAsync(1_100)
    abort.abort()
    await waiting
    await transaction(cache, () => cache.set('key', 1))
    await transaction(cache, async (tx) => {
      await cache.set('key', 2)
      await tx.rollback()
    })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('of the streams that were left early', async () => {
    const ended = vi.fn()
    const store = syncStore({
      *scan() {
        try {
          yield 'a'
          yield 'b'
        } finally {
          ended()
        }
      },
    })
    const cache = createCache().setup(store)
    for await (const _ of cache.scan('*')) break
    expect(ended).toHaveBeenCalledTimes(1)
    expect(await all(cache.scan('*'))).toEqual(['a', 'b'])
  })
})
