import {
  addPrefix,
  type Backend,
  BackendUnavailableError,
  type Cache,
  chain,
  completeBackend,
  createCache,
  MISS,
  type Tags,
} from '@cashews/core'
import { cached } from '@cashews/strategies'
import { type CacheTags, createTags } from '@cashews/tags'
import { transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { elapse, stores } from './support/backends.ts'
import { altered, distantStore, fakeTime, gate, settle, sickStore, syncStore } from './support/helpers.ts'

beforeEach(fakeTime)
afterEach(() => vi.useRealTimers())

const everyStore = [
  ...stores,
  { name: 'a synchronous store', create: () => syncStore(), elapse },
  { name: 'a distant store', create: () => distantStore(), elapse },
]

/** The ways to invalidate a value that is being loaded, and what is stored afterwards. */
const invalidations: readonly (readonly [string, (cache: Cache) => Promise<unknown>, unknown])[] = [
  ['delete', (cache) => cache.delete('k:1'), undefined],
  ['deleteMany', (cache) => cache.deleteMany(['a', 'k:1', 'b']), undefined],
  ['deleteMatch', (cache) => cache.deleteMatch('k:*'), undefined],
  ['deleteMatch with a class', (cache) => cache.deleteMatch('[jk]:?'), undefined],
  ['clear', (cache) => cache.clear(), undefined],
  ['set', (cache) => cache.set('k:1', 'newer'), 'newer'],
  ['setMany', (cache) => cache.setMany({ a: 1, 'k:1': 'newer' }), 'newer'],
  [
    'setRaw',
    async (cache) => {
      await cache.set('raw', 'newer')
      return cache.setRaw('k:1', await cache.getRaw('raw'))
    },
    'newer',
  ],
  ['incr', (cache) => cache.incr('k:1'), 1],
  ['a write and a delete', async (cache) => [await cache.set('k:1', 'newer'), await cache.delete('k:1')], undefined],
]

describe.each(everyStore)('a load overtaken by an invalidation on $name', ({ create, elapse }) => {
  let backend: Backend
  let cache: Cache
  beforeEach(() => {
    backend = create()
    cache = createCache().setup(backend)
  })

  const soon = async <T>(work: Promise<T>): Promise<T> => {
    await elapse(30)
    return work
  }

  describe.each(invalidations)('%s', (_, invalidate, afterwards) => {
    it('is not stored by a cached function, whose caller gets it all the same', async () => {
      const opened = gate<string>()
      const wrapped = cached(cache, { ttl: 10, key: 'k:{0}' }, (_id: string) => opened.promise)
      const loading = wrapped('1')
      await soon(settle())
      await soon(invalidate(cache))
      opened.open('stale')
      expect(await soon(loading)).toBe('stale')
      expect(await soon(cache.get('k:1'))).toBe(afterwards)
    })

    it('is not stored by getOrSet', async () => {
      const opened = gate<string>()
      const loading = cache.getOrSet('k:1', () => opened.promise)
      await soon(settle())
      await soon(invalidate(cache))
      opened.open('stale')
      expect(await soon(loading)).toBe('stale')
      expect(await soon(cache.get('k:1'))).toBe(afterwards)
    })

    it('is not stored when another cache of the process invalidates', async () => {
      const other = createCache().setup(backend)
      const opened = gate<string>()
      const loading = cache.getOrSet('k:1', () => opened.promise)
      await soon(settle())
      await soon(invalidate(other))
      opened.open('stale')
      expect(await soon(loading)).toBe('stale')
      expect(await soon(cache.get('k:1'))).toBe(afterwards)
    })
  })

  it.each(['', 'k:'])(
    'is neither stored nor joined after another backend was set up for its key, prefix "%s"',
    async (prefix) => {
      const opened = gate<string>()
      const loading = cache.getOrSet('k:1', () => opened.promise)
      await soon(settle())
      cache.setup(create(), { prefix })
      await soon(cache.delete('k:1'))
      const loadingAnew = cache.getOrSet('k:1', () => 'fresh')
      await soon(settle())
      opened.open('stale')
      expect(await soon(loading)).toBe('stale')
      expect(await soon(loadingAnew)).toBe('fresh')
      expect(await soon(cache.get('k:1'))).toBe('fresh')
    },
  )

  it('is not stored under the new key after a middleware began to rename it', async () => {
    const opened = gate<string>()
    const loading = cache.getOrSet('k:1', () => opened.promise)
    await soon(settle())
    cache.use(addPrefix('app:'))
    await soon(cache.delete('k:1'))
    opened.open('stale')
    expect(await soon(loading)).toBe('stale')
    expect(await soon(cache.get('k:1'))).toBeUndefined()
  })

  it('is not stored after invalidate of the wrapped function', async () => {
    const opened = gate<string>()
    const wrapped = cached(cache, { ttl: 10, key: 'k:{0}' }, (_id: string) => opened.promise)
    const loading = wrapped('1')
    await soon(settle())
    await soon(wrapped.invalidate('1'))
    opened.open('stale')
    await soon(loading)
    expect(await soon(wrapped.peek('1'))).toBeUndefined()
  })

  it('is stored when another key was invalidated', async () => {
    const opened = gate<string>()
    const loading = cache.getOrSet('k:1', () => opened.promise)
    await soon(settle())
    await soon(cache.deleteMany(['k:2', 'k:10']))
    await soon(cache.deleteMatch('k:??'))
    opened.open('fine')
    await soon(loading)
    expect(await soon(cache.get('k:1'))).toBe('fine')
  })

  it('is not joined by a reader after the invalidation', async () => {
    const loads = [gate<string>(), gate<string>()]
    let runs = 0
    const wrapped = cached(cache, { ttl: 10, key: 'k' }, () => (loads[runs++] as (typeof loads)[0]).promise)
    const before = wrapped()
    await soon(settle())
    await soon(wrapped.invalidate())
    const after = wrapped()
    await soon(settle())
    loads[1]?.open('fresh')
    expect(await soon(after)).toBe('fresh')
    loads[0]?.open('stale')
    expect(await soon(before)).toBe('stale')
    expect(await soon(cache.get('k'))).toBe('fresh')
  })

  it('is not stored while reads are disabled', async () => {
    const opened = gate<string>()
    cache.disable('get')
    const loading = cache.getOrSet('k', () => opened.promise)
    await soon(settle())
    await soon(cache.delete('k'))
    opened.open('stale')
    await soon(loading)
    cache.enable('get')
    expect(await soon(cache.get('k'))).toBeUndefined()
  })

  it('is not stored under the key that a middleware makes of it', async () => {
    const prefixed = createCache().setup(backend, { middlewares: [addPrefix('app:')] })
    const opened = gate<string>()
    const loading = prefixed.getOrSet('k', () => opened.promise)
    await soon(settle())
    await soon(cache.delete('app:k'))
    opened.open('stale')
    await soon(loading)
    expect(await soon(prefixed.get('k'))).toBeUndefined()
  })

  it('is not stored after a middleware that passes reads on later refused what was stored', async () => {
    const picky = createCache().setup(backend, {
      middlewares: [
        async (call, next) => {
          await Promise.resolve()
          const found = await next(call)
          return call.command === 'get' && found === 'old' ? MISS : found
        },
      ],
    })
    await soon(picky.set('k', 'old'))
    const opened = gate<string>()
    const loading = picky.getOrSet('k', () => opened.promise)
    await soon(settle())
    await soon(cache.delete('k'))
    opened.open('stale')
    await soon(loading)
    expect(await soon(cache.get('k'))).toBeUndefined()
  })

  it.each([
    ['at once', (found: unknown): unknown => found],
    ['later', async (found: unknown): Promise<unknown> => found],
  ])('is not stored after a middleware refused, %s, what was stored', async (_, pass) => {
    const picky = createCache().setup(backend, {
      middlewares: [
        (call, next) => {
          const found = next(call)
          return call.command === 'get' ? pass(chain(found, (value) => (value === 'old' ? MISS : value))) : found
        },
      ],
    })
    await soon(picky.set('k', 'old'))
    const opened = gate<string>()
    const loading = picky.getOrSet('k', () => opened.promise)
    await soon(settle())
    await soon(picky.delete('k'))
    opened.open('stale')
    await soon(loading)
    expect(await soon(picky.get('k'))).toBeUndefined()
  })

  it('is not joined after the invalidation while a middleware still holds what was stored', async () => {
    const opened = gate<void>()
    let reads = 0
    const slow = createCache().setup(backend, {
      middlewares: [
        async (call, next) => {
          const found = await next(call)
          if (call.command === 'get' && reads++ === 0) await opened.promise
          return found
        },
      ],
    })
    await soon(slow.set('k', 'old'))
    const before = slow.getOrSet('k', () => 'fresh')
    await soon(settle())
    await soon(slow.delete('k'))
    const after = slow.getOrSet('k', () => 'fresh')
    opened.open()
    expect(await soon(before)).toBe('old')
    expect(await soon(after)).toBe('fresh')
  })

  it('is not stored by singleFlight: false', async () => {
    const opened = gate<string>()
    const wrapped = cached(cache, { ttl: 10, key: 'k', singleFlight: false }, () => opened.promise)
    const loading = wrapped()
    await soon(settle())
    await soon(wrapped.invalidate())
    opened.open('stale')
    await soon(loading)
    expect(await soon(cache.get('k'))).toBeUndefined()
  })

  /** A function whose runs a test ends one by one. */
  const answering = (...names: string[]) => {
    const runs = names.map(() => gate<string>())
    let begun = 0
    const run = () => (runs[begun++] as (typeof runs)[0]).promise
    return { run, open: (at: number) => runs[at]?.open(names[at] as string) }
  }

  it.each([
    ['ends before it', [0, 1], false],
    ['ends after it', [1, 0], false],
    ['ends before it, behind a middleware', [0, 1], true],
    ['ends after it, behind a middleware', [1, 0], true],
  ])('does not overwrite a refresh that began later, and %s', async (_, order, isBehind) => {
    if (isBehind) cache.use((call, next) => next(call))
    const { run, open } = answering('older', 'newer')
    const wrapped = cached(cache, { ttl: 10, key: 'k' }, run)
    const loads = [wrapped()]
    await soon(settle())
    loads.push(wrapped.refresh())
    await soon(settle())
    for (const at of order) {
      open(at)
      expect(await soon(loads[at] as Promise<string>)).toBe(at === 0 ? 'older' : 'newer')
    }
    expect(await soon(cache.get('k'))).toBe('newer')
  })

  it('is not stored, nor is any other load of its key that was under way', async () => {
    const { run, open } = answering('first', 'second', 'third')
    const wrapped = cached(cache, { ttl: 10, key: 'k', singleFlight: false }, run)
    const loads = [wrapped(), wrapped(), wrapped()]
    await soon(settle())
    await soon(cache.delete('k'))
    for (const at of [0, 1, 2]) {
      open(at)
      await soon(loads[at] as Promise<string>)
      expect(await soon(cache.get('k'))).toBeUndefined()
    }
  })

  it('is not stored, even if one that began later has ended in between', async () => {
    const opened = gate<string>()
    let runs = 0
    const run = () => (++runs === 1 ? opened.promise : Promise.reject(new Error('expected')))
    const wrapped = cached(cache, { ttl: 10, key: 'k', singleFlight: false }, run)
    const loading = wrapped()
    await soon(settle())
    await soon(expect(wrapped()).rejects.toThrow('expected'))
    await soon(cache.delete('k'))
    opened.open('stale')
    await soon(loading)
    expect(await soon(cache.get('k'))).toBeUndefined()
  })

  it('is not stored after expire has changed the ttl of the stored value', async () => {
    const opened = gate<string>()
    const wrapped = cached(cache, { ttl: 10, key: 'k' }, () => opened.promise)
    await soon(cache.set('k', 'old', { ttl: 10 }))
    const refreshing = wrapped.refresh()
    await soon(settle())
    await soon(cache.expire('k', 1))
    opened.open('stale')
    await soon(refreshing)
    expect(await soon(cache.get('k'))).toBe('old')
  })
})

describe('a store that watches its keys across processes', () => {
  const holds = async () => true
  const voidMatch = () => {}

  it('does not store what was loaded without a lease, since it was away as the load began', async () => {
    fakeTime()
    const sick = sickStore()
    const lease = async () => 'lease'
    const leases = { get: async () => ({ value: MISS, lease: 'lease' }), take: lease, set: async () => true }
    const cache = createCache({ onError() {} }).setup(altered(sick, { leases: { ...leases, holds, voidMatch } }))
    sick.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    for (let call = 0; call < 2; call++) await cache.get('other')
    const opened = gate<string>()
    const loading = cache.getOrSet('k', () => opened.promise)
    sick.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    opened.open('perhaps stale')
    expect(await loading).toBe('perhaps stale')
    expect(await cache.get('k')).toBeUndefined()
    await cache.close()
    vi.useRealTimers()
  })

  it('receives its lease with the write, and decides', async () => {
    const written: unknown[][] = []
    let leases = 0
    const store = syncStore()
    const backend = altered(store, {
      leases: {
        get: async () => ({ value: MISS, lease: `lease ${++leases}` }),
        take: async () => `lease ${++leases}`,
        set: async (...write) => {
          written.push(write)
          return false
        },
        holds: async () => false,
        voidMatch() {},
      },
    })
    const cache = createCache().setup(backend)
    expect(await cache.getOrSet('k', () => 'value', { ttl: 1 })).toBe('value')
    expect(written).toEqual([['k', 'value', 1_000, 'lease 1', undefined]])
    expect(await cache.get('k')).toBeUndefined()
  })

  it('is not asked to write what was invalidated in this process', async () => {
    const set = vi.fn(async () => true)
    const backend = altered(syncStore(), {
      leases: { get: async () => ({ value: MISS, lease: 'x' }), take: async () => 'x', set, holds, voidMatch },
    })
    const cache = createCache().setup(backend)
    const opened = gate<string>()
    const loading = cache.getOrSet('k', () => opened.promise)
    await settle()
    await cache.delete('k')
    opened.open('stale')
    await loading
    expect(set).not.toHaveBeenCalled()
  })

  it('is asked only for a lease by a load that replaces a value', async () => {
    const written: unknown[][] = []
    const get = vi.fn()
    const set = async (...write: unknown[]) => written.push(write) > 0
    const cache = createCache().setup(
      altered(syncStore(), { leases: { get, take: async () => 'taken', set, holds, voidMatch } }),
    )
    const getUser = cached(cache, { ttl: 1, key: 'k' }, async () => 'fresh')
    await getUser.refresh()
    expect(written).toEqual([['k', 'fresh', 1_000, 'taken', undefined]])
    expect(get).not.toHaveBeenCalled()
  })

  it('returns a hit without a lease', async () => {
    const set = vi.fn(async () => true)
    const backend = altered(syncStore(), {
      leases: { get: async () => ({ value: 'there' }), take: async () => 'x', set, holds, voidMatch },
    })
    const cache = createCache().setup(backend)
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('there')
    expect(set).not.toHaveBeenCalled()
  })

  it('is not asked to write what was loaded before it gave a lease', async () => {
    const leased = gate()
    const set = vi.fn(async () => true)
    const get = async () => {
      await leased.promise
      return { value: MISS, lease: 'late' }
    }
    const cache = createCache().setup(
      altered(syncStore(), { leases: { get, take: get as never, set, holds, voidMatch } }),
    )
    const opened = gate<string>()
    const loading = cache.getOrSet('k', () => opened.promise)
    await vi.advanceTimersByTimeAsync(200)
    leased.open()
    await settle()
    opened.open('perhaps out of date')
    expect(await loading).toBe('perhaps out of date')
    expect(set).not.toHaveBeenCalled()
    expect(await cache.get('k')).toBeUndefined()
  })

  it('is asked once whether the result of a load that is not stored may be shared, if somebody joined it', async () => {
    let isHeld = true
    const asked = vi.fn(async () => isHeld)
    const set = vi.fn(async () => true)
    const leases = {
      get: async () => ({ value: MISS, lease: 'x' }),
      take: async () => 'x',
      set,
      holds: asked,
      voidMatch,
    }
    const onError = vi.fn()
    const cache = createCache({ onError }).setup(altered(syncStore(), { leases }), { suppress: false })
    let loads = 0
    let opened = gate<number>()
    const load = cached(cache, { ttl: 1, key: 'k', condition: () => false }, () => {
      loads++
      return opened.promise
    })
    const whole = async (callers: number): Promise<unknown[]> => {
      opened = gate()
      const first = load()
      await settle()
      const joined = Array.from({ length: callers }, () => load())
      opened.open(loads)
      return Promise.all([first, ...joined])
    }
    expect([await whole(0), asked.mock.calls.length]).toEqual([[1], 0])
    expect([await whole(2), asked.mock.calls.length, loads]).toEqual([[2, 2, 2], 1, 2])
    const lost = new BackendUnavailableError('nobody can tell, so nothing is known against it')
    asked.mockRejectedValueOnce(lost)
    expect([await whole(2), asked.mock.calls.length, loads]).toEqual([[3, 3, 3], 2, 3])
    expect(onError).toHaveBeenCalledExactlyOnceWith(lost)
    isHeld = false
    expect([await whole(2), asked.mock.calls.length, loads]).toEqual([[4, 4, 4], 3, 5])
    expect(set).not.toHaveBeenCalled()
  })

  it('is read again for callers who come during a read, once for all of one turn', async () => {
    const answers = [gate<string>(), gate<string>()]
    const get = vi.fn(async () => ({ value: await answers[get.mock.calls.length - 1]?.promise }))
    const leases = { get, take: async () => 'x', set: async () => true, holds, voidMatch }
    const cache = createCache().setup(altered(syncStore(), { leases }))
    const read = () => cache.getOrSet('k', () => 'loaded')
    const first = [read(), read()]
    await settle()
    const second = [read(), read()]
    answers[0]?.open('perhaps out of date')
    answers[1]?.open('read after they asked')
    expect(await Promise.all(first)).toEqual(['perhaps out of date', 'perhaps out of date'])
    expect(await Promise.all(second)).toEqual(['read after they asked', 'read after they asked'])
    expect(get).toHaveBeenCalledTimes(2)
  })
})

describe('a load that begins while its store is away', () => {
  const ways: readonly (readonly [string, (cache: Cache, tags: CacheTags) => Promise<unknown>])[] = [
    ['its key', (cache) => cache.delete('k')],
    ['its tag', (_, tags) => tags.delete('t')],
  ]

  it.each(ways)('is not stored after %s was deleted when the store was back', async (_, invalidate) => {
    const sick = sickStore()
    const { capture: _proofs, ...ownTags } = sick.tags as Tags // a store of this process alone: core keeps track
    const middlewares = [addPrefix('app:')]
    const cache = createCache({ onError() {} }).setup(altered(sick, { tags: ownTags }), { middlewares })
    const tags = createTags(cache)
    sick.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    for (let call = 0; call < 2; call++) await cache.get('other')
    const opened = gate<string>()
    const loading = cache.getOrSet('k', () => opened.promise, { tags: ['t'] })
    sick.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    await invalidate(cache, tags)
    opened.open('stale')
    expect(await loading).toBe('stale')
    expect(await cache.get('k')).toBeUndefined()
    await cache.close()
  })
})

describe('a load on a store that may carry out a later command first', () => {
  /** Gates that the next writes of `k` wait for, one each. */
  let held: Promise<void>[]
  let cache: Cache
  beforeEach(async () => {
    await vi.advanceTimersByTimeAsync(60_000)
    held = []
    const { tags: _, ...inner } = syncStore()
    const lagging =
      <A extends unknown[], R>(member: (...args: A) => R) =>
      async (...args: A): Promise<Awaited<R>> => {
        if (JSON.stringify(args).includes('"k"')) await held.shift()
        return await member(...args)
      }
    const store = completeBackend({ ...inner, set: lagging(inner.set), apply: lagging(inner.apply) })
    cache = createCache().setup(store)
  })

  /** Invalidates `k` after the write of its load was sent, and before that is carried out. */
  const expectGone = async (invalidate: () => Promise<unknown>, options?: { readonly tags: readonly string[] }) => {
    const written = gate()
    held = [written.promise]
    const loading = cache.getOrSet('k', () => 'stale', options)
    await settle()
    const invalidated = invalidate()
    await settle()
    written.open()
    await invalidated
    expect(await cache.get('k')).toBeUndefined()
    expect(await loading).toBe('stale')
  }

  it.each<readonly [string, (cache: Cache) => Promise<unknown>]>([
    ['delete', (cache) => cache.delete('k')],
    ['deleteMany', (cache) => cache.deleteMany(['a', 'k'])],
    ['deleteMatch', (cache) => cache.deleteMatch('k*')],
    ['clear', (cache) => cache.clear()],
    ['a transaction', (cache) => transaction(cache, () => cache.delete('k'), { mode: 'fast' })],
  ])('is not stored when %s was sent after its write', async (_, invalidate) => {
    await expectGone(() => invalidate(cache))
  })

  it.each<readonly [string, (tags: ReturnType<typeof createTags>) => Promise<unknown>]>([
    ['its tag', (tags) => tags.delete('group')],
    ['its key', () => cache.delete('k')],
  ])('is not stored under a tag when %s was deleted after its write was sent', async (_, invalidate) => {
    const tags = createTags(cache)
    await expectGone(() => invalidate(tags), { tags: ['group'] })
  })

  it('is deleted too when its write is sent a second time meanwhile', async () => {
    const written = gate()
    held = [written.promise, written.promise]
    const writes = [cache.set('k', 'older'), cache.set('k', 'old')]
    await settle()
    const deleted = cache.delete('k')
    written.open()
    await Promise.all([...writes, deleted])
    expect(await cache.get('k')).toBeUndefined()
  })

  it('is deleted too when another write of its key has ended before', async () => {
    const written = gate()
    held = [Promise.resolve(), written.promise]
    const writes = [cache.set('k', 'older'), cache.set('k', 'old')]
    await writes[0]
    await settle()
    const deleted = cache.delete('k')
    await settle()
    written.open()
    await Promise.all([...writes, deleted])
    expect(await cache.get('k')).toBeUndefined()
  })

  it('does not delay a deletion forever', async () => {
    await cache.set('k', 'stored')
    held = [new Promise(() => {})]
    void cache.set('k', 'never written')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await cache.delete('k')).toBe(true)
  })
})
