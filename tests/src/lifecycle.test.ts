import { BackendUnavailableError, CacheClosedError, createCache, cache as readyMade } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { fakeTime, gate, hangs, settle, sickStore, syncStore } from './support/helpers.ts'

beforeEach(fakeTime)
afterEach(() => vi.useRealTimers())

describe.each(stores)('the life of a cache on $name', ({ create }) => {
  it('begins with the first command', async () => {
    const cache = createCache().setup(create())
    expect(cache.isInit).toBe(false)
    await cache.set('key', 1)
    expect(cache.isInit).toBe(true)
  })

  it('begins with init, which waits for every backend', async () => {
    const cache = createCache().setup(create()).setup(create(), { prefix: 'a:' })
    await cache.get('a:1')
    expect(cache.isInit).toBe(false)
    await cache.init()
    expect(cache.isInit).toBe(true)
    cache.setup(create(), { prefix: 'b:' })
    expect(cache.isInit).toBe(false)
  })

  it('ends with close, and begins again with init', async () => {
    const cache = createCache().setup(create())
    const load = cached(cache, { ttl: 60, key: 'load' }, async () => 1)
    await cache.set('key', 1)
    await cache.close()
    await cache.close()
    expect(cache.isInit).toBe(false)
    await expect(cache.get('key')).rejects.toThrow(CacheClosedError)
    await expect(cache.set('key', 1)).rejects.toThrow(/closed.*init\(\)/)
    await expect(cache.getOrSet('key', () => 1)).rejects.toThrow(CacheClosedError)
    await expect(load()).rejects.toThrow(CacheClosedError)
    await expect(cache.getMany(['key'])).rejects.toMatchObject({ code: 'CASHEWS_CLOSED' })
    await expect(async () => {
      for await (const _ of cache.scan('*'));
    }).rejects.toThrow(CacheClosedError)
    await cache.init()
    expect(await cache.set('key', 2)).toBe(true)
    expect(await cache.get('key')).toBe(2)
    await cache.close()
  })

  it('ends with the block it was made in', async () => {
    let outer: ReturnType<typeof createCache> | undefined
    {
      await using cache = createCache().setup(create())
      outer = cache
      await cache.set('key', 1)
    }
    await expect(outer.get('key')).rejects.toThrow(CacheClosedError)
  })

  it('leaves no timer', async () => {
    const before = vi.getTimerCount()
    const cache = createCache().setup(create())
    await cache.set('key', 1, { ttl: 1 })
    await cache.close()
    expect(vi.getTimerCount()).toBe(before)
  })
})

describe('opening', () => {
  it('happens once for 100 concurrent first commands', async () => {
    const store = sickStore()
    const cache = createCache().setup(store)
    await Promise.all(Array.from({ length: 100 }, (_, at) => (at % 2 ? cache.get(`${at}`) : cache.set(`${at}`, at))))
    expect(store.health.asked.filter((member) => member === 'open')).toHaveLength(1)
  })

  it('is awaited by each of them', async () => {
    const opened = gate()
    const order: string[] = []
    const open = async () => {
      await opened.promise
      order.push('open')
    }
    const store = syncStore({ open, get: () => void order.push('get') })
    const cache = createCache().setup(store)
    const reads = [cache.get('a'), cache.get('b'), cache.init()]
    await settle()
    expect(order).toEqual([])
    opened.open()
    await Promise.all(reads)
    expect(order).toEqual(['open', 'get', 'get'])
  })

  it('is tried again by the next command after a failure', async () => {
    const store = sickStore()
    store.health.illness = () => Promise.reject(new BackendUnavailableError('not yet'))
    const cache = createCache({ onError: () => {} }).setup(store)
    expect(await cache.get('key', 'neutral')).toBe('neutral')
    expect(cache.isInit).toBe(false)
    store.health.illness = undefined
    expect(await cache.set('key', 1)).toBe(true)
    expect(cache.isInit).toBe(true)
  })

  it('is reported by init when the store is away, and the application starts', async () => {
    const onError = vi.fn()
    const store = sickStore()
    store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    const cache = createCache({ onError }).setup(store)
    await cache.init()
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'away' }))
  })

  it('rejects init with suppress: false, and can be tried again', async () => {
    const store = sickStore()
    store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    const cache = createCache().setup(store, { suppress: false })
    await expect(cache.init()).rejects.toThrow('away')
    store.health.illness = undefined
    await cache.init()
    expect(cache.isInit).toBe(true)
  })

  it('does not make init wait for a store that never answers', async () => {
    const store = sickStore()
    store.health.illness = hangs
    const cache = createCache({ onError: () => {} }).setup(store)
    const done = vi.fn()
    void cache.init().then(done, done)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(done).toHaveBeenCalled()
  })
})

describe('closing', () => {
  it('does not report a load that ends later, whose caller gets the result', async () => {
    const onError = vi.fn()
    const cache = createCache({ onError }).setup(syncStore())
    const opened = gate<number>()
    const load = cached(cache, { ttl: 10, key: 'k', lock: true }, () => opened.promise)
    const answer = load()
    await settle()
    await cache.close()
    opened.open(1)
    expect(await answer).toBe(1)
    expect(onError).not.toHaveBeenCalled()
  })

  it('lets a load of getOrSet end later with its result', async () => {
    const cache = createCache().setup(syncStore())
    const opened = gate<number>()
    const answer = cache.getOrSet('k', () => opened.promise)
    await settle()
    await cache.close()
    opened.open(1)
    expect(await answer).toBe(1)
  })

  it('waits for a store that is being opened, and closes it', async () => {
    const opened = gate()
    const order: string[] = []
    const store = syncStore({
      open: async () => {
        await opened.promise
        order.push('open')
      },
      close: () => void order.push('close'),
    })
    const cache = createCache().setup(store)
    const read = cache.get('key').catch((error) => error)
    const closed = cache.close()
    opened.open()
    await closed
    await vi.advanceTimersByTimeAsync(1_000)
    expect(order).toEqual(['open', 'close'])
    expect(await read).toSatisfy((answer) => answer === undefined || answer instanceof CacheClosedError)
  })

  it('closes a store that took a moment to open', async () => {
    const close = vi.fn()
    const cache = createCache().setup(syncStore({ open: () => Promise.resolve(), close }))
    await cache.init()
    await cache.close()
    expect(close).toHaveBeenCalledOnce()
  })

  it('does not wait forever for a store that never opens', async () => {
    const store = sickStore()
    store.health.illness = hangs
    const cache = createCache({ onError: () => {} }).setup(store)
    const read = cache.get('key')
    await vi.advanceTimersByTimeAsync(100)
    await read
    const done = vi.fn()
    void cache.close().then(done)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(done).toHaveBeenCalled()
  })

  it('closes a store that could not be opened, because it may still be trying', async () => {
    const close = vi.fn()
    const open = async () => {
      throw new BackendUnavailableError('away')
    }
    const cache = createCache({ onError: () => {} }).setup(syncStore({ open, close }))
    await cache.get('key').catch(() => {})
    await cache.close()
    expect(close).toHaveBeenCalledOnce()
  })

  it('closes a store whose opening fails meanwhile', async () => {
    const refused = gate()
    const close = vi.fn()
    const open = async () => {
      await refused.promise
      throw new BackendUnavailableError('away')
    }
    const cache = createCache({ onError: () => {} }).setup(syncStore({ open, close }))
    const read = cache.get('key').catch(() => {})
    await cache.close()
    refused.open()
    await read
    await settle()
    expect(close).toHaveBeenCalledOnce()
  })

  it('closes a store that never opens a moment later, unless the cache is used again', async () => {
    const close = vi.fn()
    const open = () => new Promise<void>(() => {})
    const cache = createCache({ onError: () => {} }).setup(syncStore({ open, close }))
    void cache.get('key').catch(() => {})
    await cache.close()
    void cache.init()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(close).not.toHaveBeenCalled()
    await cache.close()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(close).toHaveBeenCalledOnce()
  })

  it('reports that a store which never opened could not be closed', async () => {
    const onError = vi.fn()
    const broken = new Error('broken')
    const close = () => Promise.reject(broken)
    const cache = createCache({ onError }).setup(syncStore({ open: () => new Promise<void>(() => {}), close }))
    void cache.get('key').catch(() => {})
    await cache.close()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(onError).toHaveBeenCalledWith(broken)
  })

  it('does not open a store that was never used', async () => {
    const close = vi.fn()
    const open = vi.fn()
    const cache = createCache().setup(syncStore({ open, close }))
    await cache.close()
    expect(open).not.toHaveBeenCalled()
    expect(close).not.toHaveBeenCalled()
  })

  it('closes everything, even if commands are under way, which is no failure of the store', async () => {
    const store = sickStore()
    const [onError, unavailable] = [vi.fn(), vi.fn()]
    const cache = createCache({ onError }).setup(store)
    cache.on('unavailable', unavailable)
    await cache.init()
    store.health.illness = hangs
    const reads = [1, 2, 3].map((key) => cache.get(`${key}`).catch(() => 'refused'))
    await cache.close()
    await vi.advanceTimersByTimeAsync(10_000)
    await Promise.all(reads)
    expect(vi.getTimerCount()).toBe(0)
    expect([...onError.mock.calls, ...unavailable.mock.calls]).toEqual([])
  })
})

describe('the ready-made cache', () => {
  it('has a name, and rejects commands until it is set up', async () => {
    expect(readyMade.name).toBe('default')
    expect(readyMade.isSetup).toBe(false)
    await expect(readyMade.get('key')).rejects.toThrow('"default" has no backend')
  })

  it('rejects calls of cached functions until then', async () => {
    const load = cached(readyMade, { ttl: 1, key: 'k' }, async () => 1)
    await expect(load()).rejects.toThrow('"default" has no backend')
  })
})
