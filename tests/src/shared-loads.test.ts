import { type Backend, BackendUnavailableError, type Cache, createCache, guard, invalidateFurther } from '@cashews/core'
import { cached, early, hit, iterator, soft } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pairs } from './support/backends.ts'
import { all, altered, gate } from './support/helpers.ts'
import { PATIENT } from './support/patience.ts'

describe.each(pairs)('a load during which another process writes or invalidates, on $name', ({ create }) => {
  let ours: Cache
  let theirs: Cache
  beforeEach(async () => {
    ;[ours, theirs] = create().map((store) => createCache().setup(store, PATIENT)) as [Cache, Cache]
    for (const cache of [ours, theirs]) {
      createTags(cache)
      await cache.init()
    }
  })
  afterEach(async () => {
    await ours.close()
    await theirs.close()
  })

  const overtakings: readonly (readonly [string, (key: string) => Promise<unknown>])[] = [
    ['deletes its tag', () => theirs.engine.tagging?.delete('x') as Promise<unknown>],
    ['deletes its key', (key) => theirs.delete(key)],
    ['deletes keys by a pattern', (key) => theirs.deleteMatch(`*${key}*`)],
    [
      'deletes keys by a pattern in a transaction',
      (key) => transaction(theirs, () => theirs.deleteMatch(`*${key}*`), { mode: 'fast' }),
    ],
  ]
  describe.each(overtakings)('and %s', (_, overtake) => {
    it('is returned to earlier callers, and later callers load again', async () => {
      const first = gate<string>()
      const begun = gate()
      let loads = 0
      const load = cached(ours, { ttl: '1h', key: 'k', tags: ['x'] }, () => {
        begun.open()
        return ++loads === 1 ? first.promise : Promise.resolve(`new ${loads}`)
      })
      const starter = load()
      await begun.promise
      await overtake('k')
      const joiners = [load(), load(), load()]
      first.open('old')
      expect(await starter).toBe('old')
      expect(await Promise.all(joiners)).toEqual(['new 2', 'new 2', 'new 2'])
      expect(loads).toBe(2)
    })

    it('makes a later reader of a sequence read the source again', async () => {
      let version = 'old'
      const opened = gate()
      const read = iterator(ours, { ttl: '1h', key: 'k', tags: ['x'] }, async function* () {
        const own = version
        yield own
        await opened.promise
        yield own
      })
      const first = read()
      expect((await first.next()).value).toBe('old')
      version = 'new'
      await overtake(read.key())
      const later = [read(), read()].map((reading) => all(reading))
      opened.open()
      expect(await Promise.all(later)).toEqual([
        ['new', 'new'],
        ['new', 'new'],
      ])
      expect(await all(first)).toEqual(['old'])
    })
  })

  it('and deletes many keys by a pattern is not stored after the scan has passed its key', async () => {
    await theirs.setMany(Array.from({ length: 2_000 }, (_, n) => [`filler:${n}`, n] as const))
    const opened = gate()
    const begun = gate()
    const keys = Array.from({ length: 200 }, (_, n) => `k:${n}`)
    let loads = 0
    const loading = keys.map((key) =>
      ours.getOrSet(key, async () => {
        if (++loads === keys.length) begun.open()
        await opened.promise
        return 'old'
      }),
    )
    await begun.promise
    const deleting = theirs.deleteMatch('*')
    await theirs.get('anything')
    opened.open()
    await Promise.all([deleting, ...loading])
    expect((await theirs.getMany(keys)).filter((value) => value !== undefined)).toEqual([])
  })

  const strategies = {
    early: (cache: Cache, fn: () => Promise<string>) =>
      early(cache, { ttl: '1h', earlyTtl: '1ms', key: 'k', tags: ['x'], background: false }, fn),
    soft: (cache: Cache, fn: () => Promise<string>) =>
      soft(cache, { ttl: '1h', softTtl: '1ms', key: 'k', tags: ['x'] }, fn),
    hit: (cache: Cache, fn: () => Promise<string>) =>
      hit(cache, { ttl: '1h', cacheHits: 1, key: 'k', tags: ['x'] }, fn),
  }
  describe.each(Object.entries(strategies))('that replaces a stale value of %s', (_, make) => {
    it.each(overtakings)('is not stored when it %s', async (_, overtake) => {
      let isLate = false
      const begun = gate()
      const late = gate<string>()
      const load = make(ours, async () => {
        if (!isLate) return 'first'
        begun.open()
        return late.promise
      })
      await load()
      await load()
      await new Promise((resolve) => setTimeout(resolve, 5))
      isLate = true
      const loading = load()
      await begun.promise
      expect(await theirs.exists(load.key())).toBe(true)
      await overtake(load.key())
      late.open('old')
      expect(await loading).toBe('old')
      expect(await theirs.exists(load.key())).toBe(false)
    })
  })

  it.each(overtakings)(
    'in a transaction that has read the key before is not stored when it %s',
    async (_, overtake) => {
      const late = gate<string>()
      const begun = gate()
      const load = cached(ours, { ttl: '1h', key: 'k', tags: ['x'] }, () => {
        begun.open()
        return late.promise
      })
      const loading = transaction(ours, async () => {
        expect(await ours.get(load.key())).toBe(undefined)
        return load()
      })
      await begun.promise
      await overtake(load.key())
      late.open('old')
      expect(await loading).toBe('old')
      expect(await theirs.exists(load.key())).toBe(false)
    },
  )

  const unread: Readonly<Record<string, (fn: () => Promise<string>) => Promise<string>>> = {
    'reads switched off around it': (fn) => ours.disabling(['get'], fn),
    'reads switched off for all': (fn) => {
      ours.disable('get')
      return fn().finally(() => ours.enable('get'))
    },
    'what is read invalidated around it': (fn) => invalidateFurther(fn),
  }
  describe.each(Object.entries(unread))('with %s', (_, without) => {
    const begin = (inside: (fn: () => Promise<string>) => Promise<string>) => {
      const late = gate<string>()
      const begun = gate()
      const load = cached(ours, { ttl: '1h', key: 'k', tags: ['x'] }, () => {
        begun.open()
        return late.promise
      })
      return { key: load.key(), loading: without(() => inside(() => load())), begun, late }
    }

    it.each(overtakings)('is not stored when it %s', async (_, overtake) => {
      const { key, loading, begun, late } = begin((fn) => fn())
      await begun.promise
      await overtake(key)
      late.open('old')
      expect(await loading).toBe('old')
      expect(await theirs.exists(key)).toBe(false)
    })

    it.each(overtakings)('is not stored by a transaction around it when it %s', async (_, overtake) => {
      const { key, loading, begun, late } = begin((fn) => transaction(ours, fn))
      await begun.promise
      await overtake(key)
      late.open('old')
      expect(await loading).toBe('old')
      expect(await theirs.exists(key)).toBe(false)
    })

    it('is stored when nothing happens meanwhile', async () => {
      const { key, loading, begun, late } = begin((fn) => fn())
      await begun.promise
      late.open('new')
      expect(await loading).toBe('new')
      expect(await theirs.exists(key)).toBe(true)
    })
  })
})

/** A store that is away for a while. */
function away(store: Backend): { readonly store: Backend; begins(): void; ends(): void } {
  let isAway = false
  const member = <K extends 'get' | 'ping'>(name: K) =>
    ((...args: never[]) =>
      isAway
        ? Promise.reject(new BackendUnavailableError('away'))
        : Reflect.apply(store[name], store, args)) as Backend[K]
  return {
    store: altered(store, { get: member('get'), ping: member('ping'), getFor: undefined as never, guard }),
    begins: () => {
      isAway = true
    },
    ends: () => {
      isAway = false
    },
  }
}

it.each(pairs)(
  'a load that began while $name was away is not stored, because it may have missed an invalidation',
  async ({ create }) => {
    const [ours, theirs] = create()
    const trip = away(ours)
    const [cache, other] = [trip.store, theirs].map((store) =>
      createCache({ onError: () => {} }).setup(store, PATIENT),
    ) as [Cache, Cache]
    await Promise.all([cache.init(), other.init()])
    const isBack = gate()
    cache.on('available', () => isBack.open())
    const late = gate<string>()
    const load = cached(cache, { ttl: '1h', key: 'k' }, () => late.promise)

    trip.begins()
    for (let failures = 0; failures < 2; failures++) await cache.get('other')
    const loading = load()
    trip.ends()
    await isBack.promise
    await other.delete(load.key())
    late.open('old')
    expect(await loading).toBe('old')
    expect(await other.exists(load.key())).toBe(false)
    await Promise.all([cache.close(), other.close()])
  },
)
