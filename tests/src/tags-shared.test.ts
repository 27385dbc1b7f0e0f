import { disk } from '@cashews/backend-disk'
import { memory } from '@cashews/backend-memory'
import { describeBackend, handClock, reference } from '@cashews/conformance'
import {
  type Backend,
  BackendUnavailableError,
  type Cache,
  ConfigurationError,
  completeBackend,
  createCache,
  WrongTypeError,
} from '@cashews/core'
import { cached, early } from '@cashews/strategies'
import { type CacheTags, createTags } from '@cashews/tags'
import { transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { freshDirectory } from './support/disk/fresh-directory.ts'
import { all, altered, fakeTime, gate, hangs, settle, sickStore } from './support/helpers.ts'

beforeEach(fakeTime)
afterEach(() => vi.useRealTimers())

/** Completes a store that has no tags of its own with those of core. */
const whole = (store: Backend): Backend => (store.tags === undefined ? completeBackend(store) : store)

/** The store as another process sees it: nothing is shared but what is stored. */
const elsewhere = (store: Backend): Backend => whole(altered(store, {}))

/** A store that implements everything itself except tags. */
const plain = (store: Backend = memory()): Backend => altered(store, { tags: undefined } as never)

const shared: readonly (readonly [string, () => Backend])[] = [
  ['made by completeBackend', () => reference()],
  ['that knows no tags', () => plain()],
]

describe.each(shared)('two processes on a store %s', (_, create) => {
  let ours: Cache
  let theirs: Cache
  let their: CacheTags
  beforeEach(() => {
    const store = create()
    ours = createCache().setup(whole(store))
    createTags(ours)
    theirs = createCache().setup(elsewhere(store))
    their = createTags(theirs)
  })

  it('see the writes and deletions of each other', async () => {
    await ours.set('a', { deep: 1 }, { tags: ['x'] })
    await ours.incr('n', 5, { tags: ['x'] })
    expect(await theirs.getMany(['a', 'n'])).toEqual([{ deep: 1 }, 5])
    expect(await their.of('a')).toEqual(['x'])
    expect(await theirs.incr('n')).toBe(6)
    expect(await theirs.getSize('a')).toBeGreaterThan(0)
    await their.delete('x')
    expect(await ours.getMany(['a', 'n'])).toEqual([undefined, undefined])
    expect([await ours.exists('a'), await ours.delete('a'), await ours.getKeysCount()]).toEqual([false, false, 0])
    expect(await all(ours.scan('*'))).toEqual([])
  })

  it.each<[string, (cache: Cache) => Promise<unknown>, unknown]>([
    ['exists', (cache) => cache.exists('a'), false],
    ['getExpire', (cache) => cache.getExpire('a'), undefined],
    ['getSize', (cache) => cache.getSize('a'), 0],
    ['getRaw', (cache) => cache.getRaw('a'), undefined],
    ['getKeysCount', (cache) => cache.getKeysCount(), 0],
    ['scan', (cache) => all(cache.scan('*')), []],
    ['expire', (cache) => cache.expire('a', 9), false],
    ['set if it exists', (cache) => cache.set('a', 2, { exists: true }), false],
    ['delete', (cache) => cache.delete('a'), false],
    ['deleteMany', (cache) => cache.deleteMany(['a']), 0],
    ['deleteMatch', (cache) => cache.deleteMatch('a*'), 0],
  ])('know of the deletions of each other before they have used a tag themselves, in %s', async (_, ask, answer) => {
    await theirs.set('a', 1, { tags: ['x'] })
    await their.delete('x')
    expect(await ask(ours)).toEqual(answer)
  })

  it('do not store a load whose tag the other has deleted meanwhile, 100 times, however its tags are given', async () => {
    let stale = 0
    for (const tags of [['x'], () => ['x']]) {
      for (let round = 0; round < 100; round++) {
        const opened = gate<string>()
        const key = `k${round}`
        const load = cached(ours, { ttl: '1h', key, tags }, () => opened.promise)
        const loading = load()
        await vi.advanceTimersByTimeAsync(5)
        await their.delete('x')
        opened.open('old')
        expect(await loading).toBe('old')
        if ((await theirs.get(key)) !== undefined || (await ours.get(key)) !== undefined) stale++
        await ours.delete(key)
      }
    }
    console.log(JSON.stringify({ id: 'G1 two processes', promise: 'stale = 0', measured: stale, pass: stale === 0 }))
    expect(stale).toBe(0)
  })

  it('store a load with tags known beforehand, even if other tags are deleted meanwhile', async () => {
    const opened = gate<string>()
    const loading = cached(ours, { ttl: '1h', key: 'k', tags: ['x'] }, () => opened.promise)()
    await vi.advanceTimersByTimeAsync(5)
    await their.delete('other')
    opened.open('value')
    await loading
    expect(await theirs.get('k')).toBe('value')
  })

  it('store a result whose tags only the result gives', async () => {
    const load = cached(ours, { ttl: '1h', key: 'k', tags: (result) => [`r:${result}`] }, async () => 'v')
    await load()
    expect(await their.of('k')).toEqual(['r:v'])
  })

  it('share the values that a tag has made stale', async () => {
    let version = 1
    const make = (cache: Cache) => early(cache, { ttl: '1h', key: 'k', tags: ['x'] }, async () => version)
    const [here, there] = [make(ours), make(theirs)]
    expect(await here()).toBe(1)
    version = 2
    await their.expire('x')
    const answer = there()
    await vi.advanceTimersByTimeAsync(20)
    expect(await answer).toBe(1)
    await vi.advanceTimersByTimeAsync(20)
    expect(await here()).toBe(2)
  })
})

describe('a record of a tag that the store lost', () => {
  it('makes its values absent, and a later write does not bring them back', async () => {
    const store = reference()
    const cache = createCache().setup(whole(store))
    const tags = createTags(cache)
    await cache.set('a', 1, { tags: ['x'] })
    let lost = 0
    // An eviction deletes the record without notice.
    const raw = completeBackend({ ...store, tags: false })
    lost += (await raw.delete('\u0000tag\u0000=x')) ? 1 : 0
    expect(lost).toBe(1)
    expect(await cache.get('a')).toBeUndefined()
    await cache.set('b', 2, { tags: ['x'] })
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, 2])
    await tags.delete('x')
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, undefined])
  })
})

it('a deleted value does not come back when a new process is the first to use its tag', async () => {
  const store = plain()
  const newProcess = async () => {
    vi.resetModules()
    const [core, { createTags }] = await Promise.all([import('@cashews/core'), import('@cashews/tags')])
    const cache = core.createCache().setup(core.completeBackend(altered(store, {})))
    return { cache, tags: createTags(cache) }
  }
  const before = await newProcess()
  await before.cache.set('old', 1, { tags: ['x'] })
  await before.tags.delete('x')
  const after = await newProcess()
  await after.cache.set('new', 2, { tags: ['x'] })
  expect(await after.cache.getMany(['old', 'new'])).toEqual([undefined, 2])
})

describe('a store without members for tags', () => {
  it('is used directly as long as nobody uses tags', async () => {
    const asked: string[] = []
    const store = plain()
    const watched = altered(
      store,
      Object.fromEntries(
        (
          ['get', 'delete', 'exists', 'timeLeft', 'expire', 'deleteMany', 'inspect', 'deleteMatch', 'count'] as const
        ).map((name) => [
          name,
          (...args: unknown[]) => {
            asked.push(name)
            return (store[name] as (...args: unknown[]) => unknown)(...args)
          },
        ]),
      ),
    )
    const cache = createCache().setup(whole(watched))
    await cache.get('a')
    await cache.exists('a')
    await cache.getExpire('a')
    await cache.expire('a', 1)
    await cache.delete('a')
    await cache.deleteMany(['a'])
    await cache.deleteMatch('a*')
    await cache.getKeysCount()
    expect(asked).toEqual(['get', 'exists', 'timeLeft', 'expire', 'delete', 'deleteMany', 'deleteMatch', 'count'])
  })

  it('deletes keys without waiting for what they hold', async () => {
    const store = plain()
    const slow = createCache().setup(whole(altered(store, { getMany: hangs })))
    createTags(slow)
    await slow.setMany({ a: 1, b: 2, c: 3 })
    void slow.delete('a')
    void slow.deleteMany(['b', 'c'])
    await settle()
    expect(await store.count()).toBe(0)
  })

  it('returns a value with tags to a process that does not use tags', async () => {
    const store = plain()
    const ours = createCache().setup(whole(store))
    const tags = createTags(ours)
    const theirs = createCache().setup(elsewhere(store))
    await ours.set('a', 1, { tags: ['x'] })
    expect(await theirs.get('a')).toBe(1)
    await tags.delete('x')
    expect(await theirs.get('a')).toBeUndefined()
    expect(await theirs.exists('a')).toBe(false)
  })
})

describe('a backend for tags alone', () => {
  let records: Backend & { readonly health: ReturnType<typeof sickStore>['health'] }
  let here: Cache
  let there: Cache
  let tags: CacheTags
  beforeEach(() => {
    records = sickStore()
    here = createCache().setup(memory())
    there = createCache().setup(memory())
    createTags(here, { backend: records })
    tags = createTags(there, { backend: elsewhere(records) })
  })
  afterEach(async () => {
    await here.close()
    await there.close()
  })

  it('invalidates what each process keeps in a store of its own', async () => {
    const load = vi.fn(async () => 'v')
    const get = cached(here, { ttl: '1h', key: 'k', tags: ['x'] }, load)
    await get()
    await get()
    expect(load).toHaveBeenCalledTimes(1)
    expect(await there.exists('k')).toBe(false)
    await tags.delete('x')
    await get()
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('makes a key absent for sets, bits and windows too', async () => {
    for (const key of ['set', 'bits', 'window']) await here.set(key, 'text', { tags: ['x'] })
    await tags.delete('x')
    expect(await here.setAdd('set', ['member'])).toBe(1)
    expect(await here.getBits('bits', [1])).toEqual([0])
    expect(await here.sliceIncr('window', { start: 0, end: 5, max: 9 })).toBe(1)
  })

  it('contains nothing but tags', async () => {
    await here.set('a', 1, { tags: ['x'] })
    await here.set('b', 1)
    const keys: string[] = []
    for await (const key of records.scan('*', 100)) keys.push(key)
    expect(keys.filter((key) => !key.startsWith('\u0000tag\u0000'))).toEqual([])
  })

  it('serves a cache that was in use before', async () => {
    const cache = createCache().setup(memory())
    const tags = createTags(there)
    await cache.set('a', 1)
    expect(await cache.get('a')).toBe(1)
    createTags(cache, { backend: elsewhere(records) })
    await cache.set('b', 2, { tags: ['x'] })
    expect(await cache.get('b')).toBe(2)
    await tags.delete('x')
    expect(await cache.getMany(['a', 'b'])).toEqual([1, undefined])
    expect(await cache.get('b')).toBeUndefined()
    await cache.close()
  })

  it('serves backends that are set up later', async () => {
    here.setup(memory(), { prefix: 'user:' })
    await here.set('user:1', 1, { tags: ['x'] })
    expect(await here.get('user:1')).toBe(1)
    await tags.delete('x')
    expect(await here.get('user:1')).toBeUndefined()
  })

  it('keeps the tags of stores that have tags of their own', async () => {
    vi.useRealTimers()
    const cache = createCache()
      .setup(memory())
      .setup(disk({ directory: freshDirectory() }), { prefix: 'disk:' })
    const tags = createTags(cache, { backend: memory() })
    await cache.setMany({ a: 1, 'disk:a': 2 }, { tags: ['x'] })
    await cache.setMany({ b: 3, 'disk:b': 4 }, { tags: ['y'] })
    expect(await cache.getMany(['a', 'disk:a', 'b', 'disk:b'])).toEqual([1, 2, 3, 4])
    expect(await tags.of('disk:a')).toEqual(['x'])
    await tags.delete('x')
    expect(await cache.getMany(['a', 'disk:a', 'b', 'disk:b'])).toEqual([undefined, undefined, 3, 4])
    await cache.close()
  })

  it('that is away makes values with tags absent, without an error for the caller', async () => {
    await here.setMany({ a: 1 }, { tags: ['x'] })
    await here.set('b', 2)
    records.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    expect(await here.get('a')).toBeUndefined()
    records.health.illness = undefined
    expect(await here.get('a')).toBe(1)
  })

  it('is asked by ping too, which fails while it is away', async () => {
    expect(await here.ping('hello')).toBe('hello')
    expect(records.health.asked).toContain('ping')
    records.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    await expect(here.ping()).rejects.toThrow('away')
  })

  it('is opened once, closed once with several backends, and opened again when it is used again', async () => {
    const store = memory()
    const calls: string[] = []
    const open: Backend['open'] = (host) => {
      calls.push('open')
      return store.open(host)
    }
    const close = () => {
      calls.push('close')
      return store.close()
    }
    const cache = createCache().setup(memory()).setup(memory(), { prefix: 'other:' })
    createTags(cache, { backend: altered(store, { open, close }) })
    for (let time = 0; time < 2; time++) {
      for (const key of ['a', 'other:a']) await cache.set(key, 1, { tags: ['x'] })
      await cache.close()
      await cache.init()
    }
    expect(calls).toEqual(['open', 'close', 'open', 'close'])
    await cache.close()
  })

  it('that is still being opened when the cache is closed is closed afterwards', async () => {
    vi.useRealTimers()
    const [opening, opened] = [gate(), gate()]
    const store = memory()
    const close = vi.fn(() => store.close())
    const slow = altered(store, {
      async open(host) {
        opening.open()
        await opened.promise
        await store.open(host)
      },
      close,
    })
    const cache = createCache().setup(memory())
    createTags(cache, { backend: slow })
    const written = cache.set('a', 1, { tags: ['x'] }).catch(() => undefined)
    await opening.promise
    const closed = cache.close()
    opened.open()
    await Promise.all([written, closed])
    await expect.poll(() => close.mock.calls.length).toBe(1)
  })

  it.each(['delete', 'expire'] as const)(
    'makes a serializable transaction run again that has read a value whose tag others %s meanwhile',
    async (change) => {
      await here.set('a', 1, { tags: ['x'] })
      const read: unknown[] = []
      const done = transaction(
        here,
        async () => {
          read.push(await here.get('a'))
          if (read.length === 1) await tags[change]('x')
          await here.set('b', read.length)
        },
        { mode: 'serializable' },
      )
      await vi.advanceTimersByTimeAsync(1_000)
      await done
      expect(read).toEqual([1, undefined])
      expect(await here.get('b')).toBe(2)
    },
  )

  it('lets no load inside a transaction undo an invalidation from outside', async () => {
    const loaded = gate<string>()
    const loading = transaction(here, () => here.getOrSet('k', () => loaded.promise, { ttl: '1h' }))
    await settle()
    await here.delete('k')
    loaded.open('old')
    await loading
    expect(await here.get('k')).toBeUndefined()
  })

  it('lets no load outside undo the commit of a transaction', async () => {
    const loaded = gate<string>()
    const loading = here.getOrSet('k', () => loaded.promise, { ttl: '1h' })
    await settle()
    await transaction(here, () => here.set('k', 'new'))
    loaded.open('old')
    await loading
    expect(await here.get('k')).toBe('new')
  })

  it('can be given only once', () => {
    expect(() => createTags(here, { backend: reference() })).toThrow(ConfigurationError)
    expect(createTags(here)).toBe(here.engine.tagging)
  })
})

/** A store that waits before it inspects the record of the tag `x`. */
const slowAt = (store: Backend, ready: () => Promise<void>): Backend =>
  altered(store, {
    async inspect(key) {
      if (key === '\u0000tag\u0000=x') await ready()
      return store.inspect(key)
    },
  })

/** Caches on stores that wait before they inspect the record of the tag `x`. */
const slowCaches: readonly (readonly [string, (cache: Cache, ready: () => Promise<void>) => unknown])[] = [
  ['beside the values', (cache, ready) => createTags(cache.setup(whole(slowAt(plain(reference()), ready))))],
  [
    'in a store of their own',
    (cache, ready) => createTags(cache.setup(memory()), { backend: slowAt(reference(), ready) }),
  ],
]

const alone = <T>(_: Cache, load: () => Promise<T>): Promise<T> => load()

describe.each(slowCaches)('a load that waits for the records of its tags %s before it is written', (_, setUp) => {
  describe.each([
    ['in a transaction', transaction],
    ['outside of transactions', alone],
  ])('%s', (_, run) => {
    it.each<[string, (cache: Cache) => Promise<unknown>, unknown]>([
      ['set', (cache) => cache.set('k', 7), 7],
      ['set with another tag', (cache) => cache.set('k', 7, { tags: ['y'] }), 7],
      ['setMany', (cache) => cache.setMany({ k: 7 }), 7],
      ['incr', (cache) => cache.incr('k'), 1],
    ])('is not stored over a newer value, by %s', async (_, write, newer) => {
      const [loaded, ready] = [gate<number>(), gate()]
      let until: Promise<void> | undefined
      const cache = createCache()
      setUp(cache, async () => until)
      const loading = run(cache, () => cache.getOrSet('k', () => loaded.promise, { ttl: '1h', tags: ['x'] }))
      await settle()
      until = ready.promise
      loaded.open(0)
      await settle()
      await write(cache)
      ready.open()
      expect(await loading).toBe(0)
      expect(await cache.get('k')).toBe(newer)
    })
  })
})

describe.each(['before', 'after'] as const)(
  'a set that replaces a deleted value, when another process writes %s its look at the key',
  (when) => {
    const FOREVER = Number.POSITIVE_INFINITY
    let store: ReturnType<typeof memory>
    let cache: Cache
    let between: (() => unknown) | undefined
    beforeEach(async () => {
      store = memory()
      between = undefined
      const come = () => {
        const comes = between
        between = undefined
        comes?.()
      }
      const inspect: Backend['inspect'] = (key) => {
        if (key !== 'a') return store.inspect(key)
        if (when === 'before') come()
        const found = store.inspect(key)
        if (when === 'after') come()
        return found
      }
      cache = createCache().setup(completeBackend(plain(altered(store, { inspect }))))
      const tags = createTags(cache)
      await cache.set('a', 'old', { tags: ['x'] })
      await tags.delete('x')
    })

    it('does not replace the value that was written', async () => {
      between = () => store.set('a', 'new', FOREVER)
      await expect(cache.setAdd('a', ['ours'])).rejects.toThrow(WrongTypeError)
      expect(await cache.get('a')).toBe('new')
    })

    it('adds its members to the set that was written', async () => {
      between = () => {
        store.delete('a')
        store.sets.add('a', ['theirs'])
      }
      expect(await cache.setAdd('a', ['ours'])).toBe(1)
      expect((await cache.setPop('a')).sort()).toEqual(['ours', 'theirs'])
    })

    it('is created when the key was deleted', async () => {
      between = () => store.delete('a')
      expect(await cache.setAdd('a', ['ours'])).toBe(1)
      expect(await cache.setPop('a')).toEqual(['ours'])
    })
  },
)

const clock = handClock()
describeBackend(
  'a store whose tags are kept by core',
  () => {
    return completeBackend(plain(memory({ clock })))
  },
  { elapse: clock.elapse, model: { runs: 20 } },
)
