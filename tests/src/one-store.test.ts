import { memory } from '@cashews/backend-memory'
import {
  type Backend,
  type BackendHost,
  BackendUnavailableError,
  type Cache,
  createCache,
  MISS,
  type Miss,
} from '@cashews/core'
import { createTags } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { type Gate, gate, settle, syncStore } from './support/helpers.ts'

/** A store that counts how often it is opened and closed, and the host that it reports to. */
function countedStore(members: Partial<Backend> = {}) {
  const hosts: BackendHost[] = []
  const open = vi.fn((host: BackendHost) => {
    hosts.push(host)
    return members.open?.(host)
  })
  const close = vi.fn()
  const host = () => hosts.at(-1) as BackendHost
  return { store: syncStore({ ...members, open, close }), open, close, host }
}

it('a store tells a cache once of what it removed, however many commands waited until it was open', async () => {
  const opening = gate()
  const { store, host } = countedStore({ open: () => opening.promise })
  const heard = vi.fn()
  await using cache = createCache().setup(store)
  cache.on('removed', ({ key }) => heard(key))
  const reads = Promise.all([cache.get('a'), cache.get('b'), cache.get('c')])
  opening.open()
  await reads
  host().removed('key', 'expired')
  await Promise.resolve()
  expect(heard.mock.calls).toEqual([['key']])
})

describe.each(stores)('one store in two caches, on $name', ({ create }) => {
  it('stays as it is when one of them is closed', async () => {
    const store = create()
    const closed = createCache().setup(store)
    const other = createCache().setup(store)
    expect(await closed.set('key', 1)).toBe(true)
    expect(await other.get('key')).toBe(1)
    await closed.close()
    expect(await other.get('key')).toBe(1)
    expect(await other.set('other', 2)).toBe(true)
    await closed.init()
    expect(await closed.getMany(['key', 'other'])).toEqual([1, 2])
    await other.close()
    expect(await closed.get('key')).toBe(1)
    await closed.close()
  })

  it('serves one that begins while the other is still closing it', async () => {
    const store = create()
    const [before, after] = [createCache().setup(store), createCache().setup(store)]
    await before.init()
    const closing = before.close()
    while (before.isInit) await null
    expect(await after.set('key', 1)).toBe(true)
    await closing
    expect(await after.get('key')).toBe(1)
    await after.close()
  })
})

describe('one store in two caches', () => {
  it('is opened once, and closed with the last, whichever that is', async () => {
    const { store, open, close } = countedStore()
    const caches = [createCache().setup(store), createCache().setup(store)] as const
    for (const [first, last] of [caches, caches.toReversed()] as [Cache, Cache][]) {
      await Promise.all(caches.map((cache) => cache.init()))
      expect(open).toHaveBeenCalledOnce()
      await first.close()
      await first.close()
      expect(close).not.toHaveBeenCalled()
      await last.close()
      expect(close).toHaveBeenCalledOnce()
      vi.clearAllMocks()
    }
  })

  it('is opened once when both wait for it, and again after it failed', async () => {
    const opening = gate()
    const { store, open, close } = countedStore({ open: () => opening.promise })
    const caches = [createCache(), createCache()].map((cache) => cache.setup(store, { suppress: false }))
    const inits = caches.map((cache) => cache.init())
    await settle()
    expect(open).toHaveBeenCalledOnce()
    opening.fail(new BackendUnavailableError('away'))
    for (const init of inits) await expect(init).rejects.toThrow('away')
    open.mockReturnValue(undefined)
    await Promise.all(caches.map((cache) => cache.init()))
    expect(open).toHaveBeenCalledTimes(2)
    for (const cache of caches) await cache.close()
    expect(close).toHaveBeenCalledOnce()
  })

  it('tells both what it removed and what failed, and after the end the last one', async () => {
    const { store, host } = countedStore()
    const heard: string[] = []
    const caches = ['a', 'b'].map((name) => {
      const cache = createCache({ onError: (error) => heard.push(`${name}: ${(error as Error).message}`) })
      cache.on('removed', ({ key, reason }) => heard.push(`${name}: ${key} ${reason}`))
      return cache.setup(store)
    })
    for (const cache of caches) await cache.init()
    host().removed('key', 'expired')
    await settle()
    host().error(new Error('broken'))
    expect(heard.splice(0)).toEqual(['a: key expired', 'b: key expired', 'a: broken', 'b: broken'])
    await caches[0]?.close()
    host().removed('key', 'evicted')
    await caches[1]?.close()
    host().error(new Error('late'))
    expect(heard).toEqual(['b: key evicted', 'b: late'])
  })

  it('stays open in one that goes back to it while it is being opened', async () => {
    const opening = gate()
    const { store, open, close } = countedStore({ open: () => opening.promise })
    const cache = createCache().setup(store)
    const reading = cache.get('key')
    cache.setup(memory())
    cache.setup(store)
    const init = cache.init()
    opening.open()
    await Promise.all([init, reading])
    await settle()
    expect(open).toHaveBeenCalledOnce()
    expect(close).not.toHaveBeenCalled()
    expect(await cache.set('key', 1)).toBe(true)
    await cache.close()
    expect(close).toHaveBeenCalledOnce()
  })
})

describe('one store in two caches, of which one was set up again after it was closed', () => {
  it('is closed with the last that uses it', async () => {
    const { store, open, close } = countedStore()
    const using = createCache().setup(store)
    const idle = createCache().setup(store)
    for (const cache of [using, idle]) await cache.init()
    for (const cache of [using, idle]) await cache.close()
    idle.setup(store)
    await using.init()
    expect(idle.isInit).toBe(false)
    await using.close()
    expect(open).toHaveBeenCalledTimes(2)
    expect(close).toHaveBeenCalledTimes(2)
  })
})

describe('a store that was closed because it took too long to open', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  async function closedTooEarly() {
    const openings = [gate(), gate()] as const
    const counted = countedStore()
    for (const { promise } of openings) counted.open.mockReturnValueOnce(promise)
    const cache = createCache({ onError: () => {} }).setup(counted.store)
    const first = cache.init()
    await cache.close()
    await vi.advanceTimersByTimeAsync(500)
    expect(counted.close).toHaveBeenCalledOnce()
    return { ...counted, cache, openings, first }
  }

  it.each([
    ['succeeds', (opening: Gate) => opening.open()],
    ['fails', (opening: Gate) => opening.fail(new BackendUnavailableError('away'))],
  ])('is opened anew for the next cache, though the first opening %s', async (_, end) => {
    const { cache, store, open, close, openings, first } = await closedTooEarly()
    const second = cache.init()
    expect(open).toHaveBeenCalledTimes(2)
    end(openings[0])
    await first
    expect(cache.isInit).toBe(false)
    const other = createCache().setup(store)
    void other.get('key')
    await other.close()
    expect(open).toHaveBeenCalledTimes(2)
    openings[1].open()
    await second
    expect(cache.isInit).toBe(true)
    expect(close).toHaveBeenCalledOnce()
    await cache.close()
    expect(close).toHaveBeenCalledTimes(2)
  })

  it('is closed again if it opens after all', async () => {
    const { close, openings, first } = await closedTooEarly()
    openings[0].open()
    await first
    expect(close).toHaveBeenCalledTimes(2)
  })
})

describe('one store of tag records in two caches', () => {
  it('is opened once, and closed with the last', async () => {
    const { store, open, close } = countedStore()
    const caches = [createCache(), createCache()].map((cache) => cache.setup(memory()))
    for (const cache of caches) {
      createTags(cache, { backend: store })
      await cache.set('key', 1, { tags: ['tag'] })
    }
    expect(open).toHaveBeenCalledOnce()
    await caches[0]?.close()
    expect(close).not.toHaveBeenCalled()
    expect(await caches[1]?.get('key')).toBe(1)
    await caches[1]?.close()
    expect(close).toHaveBeenCalledOnce()
  })
})

describe('one store of values and of tag records', () => {
  it('reports each error once', async () => {
    const { store, host } = countedStore()
    const onError = vi.fn()
    await using cache = createCache({ onError }).setup(store)
    createTags(cache, { backend: store })
    await cache.set('key', 1, { tags: ['tag'] })
    const error = new Error('broken')
    host().error(error)
    expect(onError.mock.calls).toEqual([[error]])
  })
})

describe('a store of tag records', () => {
  it('is closed with the cache, even if the store of the values cannot be', async () => {
    const [values, records] = [countedStore(), countedStore()]
    values.close.mockRejectedValue(new Error('stuck'))
    const cache = createCache().setup(values.store)
    createTags(cache, { backend: records.store })
    await cache.set('key', 1, { tags: ['tag'] })
    await expect(cache.close()).rejects.toThrow('stuck')
    expect(records.close).toHaveBeenCalledOnce()
  })

  it('is not opened again by what was under way when the cache was closed, but by what follows its init', async () => {
    const { store, open, close } = countedStore()
    const cache = createCache().setup(memory())
    createTags(cache, { backend: store })
    const answer = gate()
    const inspect = vi.spyOn(store, 'inspect').mockImplementationOnce(async (): Promise<Miss> => {
      await answer.promise
      return MISS
    })
    const writing = cache.set('key', 1, { tags: ['tag'] })
    await settle()
    expect(inspect).toHaveBeenCalledOnce()
    await cache.close()
    answer.open()
    expect(await writing).toBe(false)
    expect(open).toHaveBeenCalledOnce()
    expect(close).toHaveBeenCalledOnce()
    await cache.init()
    expect(await cache.set('key', 1, { tags: ['tag'] })).toBe(true)
    expect(open).toHaveBeenCalledTimes(2)
    await cache.close()
    expect(close).toHaveBeenCalledTimes(2)
  })
})
