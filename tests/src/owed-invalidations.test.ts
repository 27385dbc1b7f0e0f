import { reference } from '@cashews/conformance'
import {
  type Backend,
  BackendError,
  BackendUnavailableError,
  type Cache,
  createCache,
  guard,
  MISS,
} from '@cashews/core'
import { createTags } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { altered, fakeTime, hangs, sickStore } from './support/helpers.ts'

describe('an invalidation that a store has not heard of', () => {
  let store: ReturnType<typeof sickStore>
  let cache: Cache
  let tags: ReturnType<typeof createTags>
  const onError = vi.fn()
  beforeEach(async () => {
    fakeTime()
    onError.mockReset()
    store = sickStore()
    cache = createCache({ onError }).setup(store)
    tags = createTags(cache)
    await cache.setMany({ a: 1, b: 2, 'x:1': 3 }, { tags: ['t'] })
    await cache.set('other', 4)
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  const away = () => Promise.reject(new BackendUnavailableError('away'))
  const refuses = () => Promise.reject(new BackendError('READONLY'))
  const goAway = async () => {
    store.health.illness = away
    for (let call = 0; call < 2; call++) await cache.get('other')
  }
  const values = () => cache.getMany(['a', 'b', 'x:1', 'other'])

  const kinds: readonly (readonly [string, () => Promise<unknown>, readonly unknown[]])[] = [
    ['delete', () => cache.delete('a'), [undefined, 2, 3, 4]],
    ['deleteMany', () => cache.deleteMany(['a', 'b']), [undefined, undefined, 3, 4]],
    ['deleteMatch', () => cache.deleteMatch('x:*'), [1, 2, undefined, 4]],
    ['the deletion of a tag', () => tags.delete('t'), [undefined, undefined, undefined, 4]],
    ['the expiry of a tag', () => tags.expire('t'), [undefined, undefined, undefined, 4]],
    ['clear', () => cache.clear(), [undefined, undefined, undefined, undefined]],
  ]

  it.each(kinds)('since it was away is carried out before it counts as back: %s', async (_, invalidate, left) => {
    await goAway()
    await invalidate()
    const found: Promise<unknown[]>[] = []
    cache.on('available', () => void found.push(values()))
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await found[0]).toEqual(left)
  })

  it.each([
    ['did not answer', hangs],
    ['was away', away],
    ['refused it', refuses],
  ])('since it %s once is repeated soon', async (_, illness) => {
    store.health.illness = illness
    const deleted = cache.delete('a')
    await vi.advanceTimersByTimeAsync(250)
    expect(await deleted).toBe(false)
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(200)
    expect(await values()).toEqual([undefined, 2, 3, 4])
  })

  it.each(kinds)('since it refused it is repeated soon: %s', async (_, invalidate, left) => {
    store.health.illness = refuses
    await invalidate()
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(200)
    expect(await values()).toEqual(left)
  })

  it('is not carried out again with a later one', async () => {
    await goAway()
    await cache.clear()
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    await cache.set('a', 'new')
    store.health.illness = refuses
    await cache.delete('other')
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await cache.get('a')).toBe('new')
  })

  it('is repeated soon after another one was', async () => {
    for (const key of ['a', 'b']) {
      store.health.illness = refuses
      await cache.delete(key)
      store.health.illness = undefined
      await vi.advanceTimersByTimeAsync(200)
      expect(await cache.get(key)).toBeUndefined()
    }
  })

  it('while the rest is carried out is carried out next', async () => {
    await goAway()
    await cache.delete('a')
    store.health.illness = () => (store.health.asked.at(-1) === 'ping' ? wakes() : comesTooLate())
    const wakes = () => Promise.resolve('pong') as Promise<never>
    const comesTooLate = async () => {
      store.health.illness = undefined
      await cache.delete('b')
      return undefined as never
    }
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await cache.get('b')).toBeUndefined()
  })

  it('is repeated less and less often while the store refuses it, and no longer than 5 minutes', async () => {
    store.health.illness = refuses
    for (let call = 0; call < 3; call++) await cache.delete('a')
    await vi.advanceTimersByTimeAsync(60_000)
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(50_000)
    expect(store.health.asked).toEqual(Array(10).fill(store.health.asked[0]))
    await vi.advanceTimersByTimeAsync(300_000)
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(60_000)
    expect(store.health.asked).toEqual([])
  })

  const refusesTo = (members: readonly string[], illness = refuses) => {
    const { asked } = store.health
    store.health.illness = () =>
      members.includes(asked.at(-1) as string) ? illness() : (Promise.resolve('well') as Promise<never>)
  }

  it('does not keep the store away that refuses it', async () => {
    await goAway()
    await cache.delete('a')
    refusesTo(['delete', 'deleteMany'])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await cache.get('other')).toBe('well')
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await cache.get('a')).toBeUndefined()
  })

  it('that is refused keeps no other one from being carried out', async () => {
    await goAway()
    await cache.deleteMatch('nobody:*')
    await cache.delete('a')
    refusesTo(['deleteMatch'])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.health.asked).toContain('deleteMany')
  })

  /** A cache on a store that tells when a part of it is back. */
  const inParts = () => {
    const repeats: (() => void)[] = []
    const watching: Backend['guard'] = (...how) => {
      const made = guard(...how, () => true)
      repeats.push(() => made.repeat())
      return made
    }
    return { parted: createCache({ onError }).setup(altered(store, { guard: watching })), back: () => repeats[0]?.() }
  }

  it('is repeated at once for a part of the store that comes back while it is repeated for another one', async () => {
    const { parted, back } = inParts()
    store.health.illness = refuses
    await parted.delete('a')
    // The pauses between the repetitions are long by now.
    await vi.advanceTimersByTimeAsync(60_000)
    const refused = Promise.withResolvers<never>()
    store.health.illness = () => refused.promise
    back()
    store.health.illness = undefined
    back()
    refused.reject(new BackendError('one part is still away'))
    await vi.advanceTimersByTimeAsync(10)
    expect(await parted.get('a')).toBeUndefined()
    await parted.close()
  })

  it('is repeated later if the repetition for a part that came back fails', async () => {
    const { parted, back } = inParts()
    store.health.illness = refuses
    await parted.delete('a')
    const refused = Promise.withResolvers<never>()
    store.health.illness = () => refused.promise
    back()
    // The repetition in the background finds nothing to do meanwhile, and ends.
    await vi.advanceTimersByTimeAsync(100)
    refused.reject(new BackendError('READONLY'))
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await parted.get('a')).toBeUndefined()
    await parted.close()
  })

  it('is carried out before a store counts as back of which a part was back before', async () => {
    const { parted, back } = inParts()
    store.health.illness = away
    for (const command of ['get', 'get', 'delete'] as const) await parted[command]('a')
    const found: unknown[] = []
    parted.on('available', async () => found.push(await parted.get('a')))
    refusesTo(['delete', 'deleteMany'], hangs)
    await vi.advanceTimersByTimeAsync(100)
    back()
    await vi.advanceTimersByTimeAsync(200)
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    expect(found).toEqual([undefined])
    await parted.close()
  })

  it('that it refused before it went away is left to the probe', async () => {
    store.health.illness = refuses
    await cache.delete('a')
    await goAway()
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(10_000)
    expect(new Set(store.health.asked)).toEqual(new Set(['ping']))
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await cache.get('a')).toBeUndefined()
  })

  it('that takes longer than a minute does not keep the store away', async () => {
    await goAway()
    await cache.deleteMatch('x:*')
    refusesTo(['deleteMatch'], hangs)
    await vi.advanceTimersByTimeAsync(62_000)
    expect(await cache.get('other')).toBe('well')
  })

  it('by a pattern or of all keys, which takes longer, keeps none of a key waiting', async () => {
    await goAway()
    await cache.clear()
    await cache.deleteMatch('x:*')
    await cache.delete('a')
    await tags.delete('t')
    refusesTo(['scan', 'deleteMatch', 'clear'], hangs)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.health.asked).toContain('deleteMany')
  })

  it('by one of many patterns shares a scan with the others', async () => {
    await cache.setMany({ 'y:1': 1, 'z:1': 1 })
    await goAway()
    for (const pattern of ['x:*', 'y:?', '[n-o]obody:*']) await cache.deleteMatch(pattern)
    store.health.illness = undefined
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.health.asked.filter((member) => member === 'scan' || member === 'deleteMatch')).toEqual(['scan'])
    expect(await cache.getMany(['x:1', 'y:1', 'z:1', 'other'])).toEqual([undefined, undefined, 1, 4])
  })

  it('by many patterns ends the loads of other processes, whose keys no scan finds', async () => {
    const voided: string[] = []
    const lease = () => Promise.resolve('lease')
    const leases: NonNullable<Backend['leases']> = {
      get: async () => ({ value: MISS, lease: await lease() }),
      take: lease,
      set: async () => true,
      holds: async () => true,
      voidMatch: (pattern) => void voided.push(pattern),
    }
    const watching = createCache({ onError }).setup(altered(store, { leases }))
    store.health.illness = refuses
    for (const pattern of ['x:*', 'y:?']) await watching.deleteMatch(pattern)
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(200)
    expect(voided).toEqual(['*'])
    await watching.close()
  })

  it.each<readonly [string, (plain: Cache) => unknown]>([
    ['closed and opened again', (plain) => plain.close().then(() => plain.init())],
    ['set up again', (plain) => plain.setup(store)],
    ['given another place for the records of its tags', (plain) => createTags(plain, { backend: reference() })],
  ])('is carried out although the store is %s meanwhile', async (_, change) => {
    const plain = createCache({ onError }).setup(store)
    store.health.illness = away
    for (const command of ['get', 'get', 'delete'] as const) await plain[command]('a')
    await Promise.all([change(plain), vi.advanceTimersByTimeAsync(10_000)])
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(30_000)
    expect(await cache.get('a')).toBeUndefined()
    await plain.close()
  })

  it('is carried out although the store had refused it before it was closed and opened again', async () => {
    const plain = createCache({ onError }).setup(store)
    store.health.illness = refuses
    await plain.delete('a')
    await plain.close()
    await vi.advanceTimersByTimeAsync(10_000)
    store.health.illness = undefined
    await plain.init()
    await vi.advanceTimersByTimeAsync(200)
    expect(await cache.get('a')).toBeUndefined()
    await plain.close()
  })

  it('is not asked for after the cache is closed, also by a setup that another one has replaced', async () => {
    const plain = createCache({ onError }).setup(store)
    store.health.illness = away
    for (const command of ['get', 'get', 'delete'] as const) await plain[command]('a')
    plain.setup(store)
    await plain.close()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is asked for once, however often callers did', async () => {
    await goAway()
    for (let call = 0; call < 100; call++) await cache.delete('other')
    store.health.illness = undefined
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.health.asked.filter((member) => member !== 'ping').length).toBeLessThan(5)
    expect(await cache.get('other')).toBeUndefined()
  })

  it.each<readonly [string, () => Promise<unknown>]>([
    ['set', () => cache.set('a', 'new')],
    ['setMany', () => cache.setMany({ a: 'new' })],
    ['setRaw', () => cache.setRaw('a', 'new')],
    ['incr, after another delete,', () => cache.delete('a').then(() => cache.incr('a'))],
  ])('does not delete a value that %s has written since', async (_, write) => {
    store.health.illness = refuses
    await cache.delete('a')
    store.health.illness = undefined
    await write()
    const written = await cache.get('a')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await cache.get('a')).toBe(written)
  })

  it.each<readonly [string, () => Promise<unknown>]>([
    ['read', () => cache.get('a')],
    ['counted up', () => cache.incr('a')],
    ['given another lifetime', () => cache.expire('a', '1h')],
  ])('is still owed when the old value was %s', async (_, use) => {
    store.health.illness = refuses
    await cache.delete('a')
    store.health.illness = undefined
    await use()
    await vi.advanceTimersByTimeAsync(200)
    expect(await cache.get('a')).toBeUndefined()
  })

  it('is still owed when the old value has kept a conditional write out', async () => {
    store.health.illness = refuses
    await cache.delete('a')
    store.health.illness = undefined
    expect(await cache.set('a', 'new', { exists: false })).toBe(false)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await cache.get('a')).toBeUndefined()
  })

  it('is owed too when the caller has got the error', async () => {
    const strict = createCache().setup(store, { suppress: false })
    store.health.illness = refuses
    await expect(strict.delete('a')).rejects.toThrow('READONLY')
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(200)
    expect(await cache.get('a')).toBeUndefined()
    await strict.close()
  })

  it('stays owed when it fails once more', async () => {
    await goAway()
    await cache.deleteMany(['a', 'b'])
    await tags.delete('t')
    await cache.deleteMatch('oth*')
    let pings = 0
    store.health.illness = () => (++pings > 1 ? away() : (Promise.resolve('pong') as Promise<never>))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(pings).toBeGreaterThan(1)
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await values()).toEqual([undefined, undefined, undefined, undefined])
  })

  it('is reported as lost when there are too many', async () => {
    await goAway()
    await cache.deleteMany(Array.from({ length: 100_007 }, (_, nth) => `k${nth}`))
    await cache.delete('k1')
    store.health.illness = undefined
    onError.mockReset()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(onError.mock.calls.map(([error]) => (error as Error).message)).toEqual([
      '7 invalidations were lost while sick was away, and old values may be answered: clear the cache.',
    ])
    await goAway()
    await cache.delete('a')
    store.health.illness = undefined
    onError.mockReset()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(onError).not.toHaveBeenCalled()
  })
})
