import {
  type Backend,
  BackendError,
  type BackendHost,
  completeBackend,
  type KindWrite,
  MISS,
  type Snapshot,
  type Write,
  WrongTypeError,
} from '@cashews/core'
import { describe, expect, it, vi } from 'vitest'
import { MapStore, RemoteStore } from './support/map-store.ts'

const FOREVER = Number.POSITIVE_INFINITY

/** The commands of a group, which the defaults always bring. */
function groups({ bits, windows, sets, locks }: Backend) {
  if (!bits || !windows || !sets || !locks) throw new Error('a group is absent')
  return { bits, windows, sets, locks }
}

/** A store in which a lock is renewed just before writes that depend on it: so many times. */
class Renewing extends MapStore {
  renewals = 0

  override apply(...[expectations, writes]: Parameters<MapStore['apply']>): boolean {
    const [lock] = expectations
    if (lock && this.renewals-- > 0) this.set(lock.key, this.get(lock.key), 120_000)
    return super.apply(expectations, writes)
  }
}

describe('writes that depend on a lock', () => {
  const holding = async (renewals: number) => {
    const store = new Renewing()
    const backend = completeBackend(store)
    await groups(backend).locks.acquire('lock', 'mine', 60_000)
    store.renewals = renewals
    const write = async (token?: string) =>
      backend.apply([{ lock: 'lock', token }], [{ op: 'set', key: 'a', value: 1, lifetime: FOREVER }])
    return { backend, write }
  }

  it('are made although the lock is renewed while it is being checked', async () => {
    const { backend, write } = await holding(99)
    expect(await write('mine')).toBe(true)
    expect(await backend.get('a')).toBe(1)
  })

  it('are not made if something else has changed, which is told at once', async () => {
    const { backend } = await holding(0)
    const expected = [
      { lock: 'lock', token: 'mine' },
      { key: 'b', stamp: 'another' },
    ]
    expect(await backend.apply(expected, [{ op: 'set', key: 'a', value: 1, lifetime: FOREVER }])).toBe(false)
    expect(await backend.get('a')).toBe(MISS)
  })

  it('are not made by others, whose lock was not renewed', async () => {
    const { backend, write } = await holding(0)
    expect(await write('theirs')).toBe(false)
    expect(await write()).toBe(false)
    expect(await backend.get('a')).toBe(MISS)
  })

  it('fail when the lock changes again and again', async () => {
    const { write } = await holding(Number.POSITIVE_INFINITY)
    await expect(write('mine')).rejects.toThrow('A lock changed 100 times while it was being checked.')
  })
})

describe('several writes of a key in one step', () => {
  const set = (lifetime: number | 'keep', tags?: readonly string[]): Write => ({
    op: 'set',
    key: 'a',
    value: lifetime,
    lifetime,
    tags,
  })
  const expire: Write = { op: 'expire', key: 'a', lifetime: 9_000 }
  const remove: Write = { op: 'delete', key: 'a' }

  it.each<[string, readonly Write[], number, readonly string[]]>([
    ['the lifetime and the tags of the one before', [set(5_000, ['x']), set('keep')], 5_000, ['x']],
    ['no tags after a write without any', [set(5_000), set('keep')], 5_000, []],
    ['the tags that it names', [set(5_000, ['x']), set('keep', ['y'])], 5_000, ['y']],
    ['the lifetime of an expire between', [set(5_000, ['x']), expire, set('keep')], 9_000, ['x']],
    ['the lifetime of an expire before it', [expire, set('keep')], 9_000, ['old']],
    ['no end and no tags after a deletion', [remove, set('keep')], FOREVER, []],
    ['no end and no tags after a deletion that an expire follows', [remove, expire, set('keep')], FOREVER, []],
    ['what all before it have left', [set(5_000, ['x']), set('keep'), expire, set('keep')], 9_000, ['x']],
  ])("let one that says 'keep' have %s", async (_, writes, lifetime, tags) => {
    const backend = completeBackend(new MapStore())
    if (!backend.tags) throw new Error('tags are absent')
    await backend.tags.set('a', 1, 1_000, ['old'])
    expect(await backend.apply([], writes)).toBe(true)
    expect(await backend.get('a')).toBe('keep')
    expect(await backend.timeLeft('a')).toBe(lifetime)
    expect(await backend.tags.of('a')).toEqual(tags)
  })
})

it("a write that says 'keep' leaves a key none of its tags once they are deleted", async () => {
  const backend = completeBackend(new MapStore())
  if (!backend.tags) throw new Error('tags are absent')
  await backend.tags.set('a', 1, 1_000, ['x'])
  await backend.tags.delete(['x'])
  await backend.apply([], [{ op: 'set', key: 'a', value: 2, lifetime: 'keep' }])
  expect(await backend.get('a')).toBe(2)
  expect(await backend.tags.of('a')).toEqual([])
})

describe('completeBackend', () => {
  it('keeps the members of the store, bound to it, so that private fields work', () => {
    const store = new MapStore()
    const { get, set, name } = completeBackend(store)
    set('a', 1, FOREVER)
    expect([name, get('a'), store.get('a')]).toEqual(['map', 1, 1])
  })

  it('prefers a member of the store to its own', async () => {
    class Fast extends MapStore {
      #asked = 0
      exists(): boolean {
        return ++this.#asked > 1
      }
      getMany(keys: readonly string[]): unknown[] {
        return keys.map(() => this.#asked)
      }
    }
    const backend = completeBackend(Object.assign(new Fast(), { tags: false as const }))
    expect([backend.exists('a'), backend.exists('a'), backend.getMany(['a', 'b'])]).toEqual([false, true, [2, 2]])
  })

  it('keeps the usage that a store in the process tells', () => {
    const store = Object.assign(new MapStore(), { usage: () => ({ entries: 7 }) })
    const withoutTags = Object.assign(new MapStore(), { usage: () => ({ entries: 8 }), tags: false as const })
    expect([completeBackend(store).usage?.(), completeBackend(withoutTags).usage?.()]).toEqual([
      { entries: 7 },
      { entries: 8 },
    ])
  })

  it('answers at once when the store does', () => {
    const backend = completeBackend(new MapStore())
    const { bits, windows, sets, locks } = groups(backend)
    const answers = [
      backend.getMany(['a', 'b']),
      backend.set('b', 1, FOREVER),
      backend.delete('b'),
      backend.setMany([['a', 1]], FOREVER),
      backend.deleteMany(['a']),
      backend.exists('a'),
      backend.expire('a', 1),
      backend.timeLeft('a'),
      backend.size('a'),
      backend.ping('hello'),
      backend.inspect('a'),
      bits.incr('bits', [1], 1, 1),
      bits.get('bits', [1], 1),
      windows.incr('window', { start: 0, end: 1, max: 1, lifetime: 1 }),
      sets.add('set', ['x']),
      sets.pop('set', 1),
      locks.acquire('lock', 'me', 1),
      locks.isLocked('lock'),
    ]
    expect(answers).toEqual([
      [MISS, MISS],
      true,
      true,
      undefined,
      1,
      false,
      false,
      MISS,
      0,
      'hello',
      MISS,
      [1],
      [1],
      { count: 1, added: true, age: 0 },
      1,
      ['x'],
      true,
      true,
    ])
  })

  it('loses nothing when many callers change one key of an asynchronous store', async () => {
    const store = new RemoteStore()
    const { sets, windows, locks } = groups(completeBackend(store))
    const callers = Array.from({ length: 30 }, (_, at) => `${at}`)
    const added = await Promise.all(callers.map((member) => sets.add('set', [member])))
    const slice = { start: 0, end: 1, max: 10, lifetime: 1_000 }
    const counts = await Promise.all(callers.map(() => windows.incr('window', slice)))
    const held = await Promise.all(callers.map((token) => locks.acquire('lock', token, 1_000)))
    expect(added.reduce((sum, count) => sum + count)).toBe(30)
    expect((await sets.pop('set', 100)).length).toBe(30)
    expect(counts.filter(({ added }) => added)).toHaveLength(10)
    expect(held.filter(Boolean)).toHaveLength(1)
  })

  it('loses nothing when many callers change one key with tags', async () => {
    const backend = completeBackend(new RemoteStore())
    const { tags } = backend
    if (!tags) throw new Error('tags are absent')
    const callers = Array.from({ length: 20 })
    const counts = await Promise.all(callers.map(() => tags.incr('n', 1, FOREVER, ['x'])))
    expect(counts.toSorted((a, b) => a - b)).toEqual(callers.map((_, at) => at + 1))
    expect(await Promise.all(callers.map((_, at) => backend.expire('n', at + 1)))).toEqual(callers.map(() => true))
  })

  it('gives up on a store that never lets a write through', async () => {
    class Broken extends MapStore {
      override apply(): boolean {
        return false
      }
    }
    const { sets } = groups(completeBackend(new Broken()))
    expect(() => sets.add('a', ['x'])).toThrow(BackendError)
  })

  it('pauses before it tries again, longer each time, if the store is asynchronous', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const pauses = vi.spyOn(globalThis, 'setTimeout')
    let refusals = 5
    class Busy extends RemoteStore {
      override async apply(...args: Parameters<MapStore['apply']>): Promise<boolean> {
        return refusals-- > 0 ? false : super.apply(...args)
      }
    }
    try {
      const added = groups(completeBackend(new Busy())).sets.add('a', ['x'])
      let settled = false
      void Promise.resolve(added).then(() => {
        settled = true
      })
      while (!settled) {
        await new Promise((resolve) => setImmediate(resolve))
        vi.advanceTimersByTime(200)
      }
      expect(await added).toBe(1)
      const waits = pauses.mock.calls.map(([, duration]) => Number(duration))
      expect(waits).toHaveLength(5)
      for (const [at, duration] of waits.entries()) expect(duration).toBeLessThan(2 ** (at + 1))
    } finally {
      pauses.mockRestore()
      vi.useRealTimers()
    }
  })

  it('does not write when there is nothing to change', async () => {
    const store = new MapStore()
    const { sets, windows, locks } = groups(completeBackend(store))
    sets.remove('a', ['x'])
    sets.pop('a', 1)
    sets.add('a', [])
    locks.release('a', 'me')
    windows.incr('a', { start: 0, end: 1, max: 0, lifetime: 1 })
    expect(store.calls.apply).toBeUndefined()
  })

  it('leaves a group that is false as it is', () => {
    const backend = completeBackend(
      Object.assign(new MapStore(), { bits: false, windows: false, sets: false, locks: false } as const),
    )
    expect([backend.bits, backend.windows, backend.sets, backend.locks]).toEqual([false, false, false, false])
    expect(completeBackend(Object.assign(new MapStore(), { tags: false as const })).tags).toBe(false)
  })

  it.each<[string, KindWrite]>([
    ['locks', { op: 'lock', lock: 'job', token: 'me', lifetime: 1 }],
    ['locks', { op: 'unlock', lock: 'job' }],
    ['sets', { op: 'put', key: 'a', content: { kind: 'set', items: ['x'] }, lifetime: 1 }],
    ['bits', { op: 'put', key: 'a', content: { kind: 'bits', items: [1] }, lifetime: 1 }],
    ['windows', { op: 'put', key: 'a', content: { kind: 'window', items: [1] }, lifetime: 1 }],
  ])('leaves what concerns %s to the apply of a store that has them itself: %j', async (group, write) => {
    const asked: unknown[] = []
    const apply = (...step: unknown[]) => asked.push(step) > 0
    const own = groups(completeBackend(new MapStore()))[group as 'sets']
    const backend = completeBackend(Object.assign(new MapStore(), { apply, [group]: own, tags: false as const }))
    const expected = group === 'locks' ? [{ lock: 'job', token: 'me' }] : []
    expect(await backend.apply(expected, [write])).toBe(true)
    expect(asked).toEqual([[expected, [write]]])
  })

  it('sends a deletion at once when no write of its key is under way', async () => {
    const store = new RemoteStore()
    const deleted = vi.spyOn(store, 'delete')
    const backend = completeBackend(Object.assign(store, { tags: false as const }))
    await backend.set('a', 1, FOREVER)
    await new Promise((resolve) => setImmediate(resolve))
    const gone = backend.delete('a')
    expect(deleted).toHaveBeenCalledOnce()
    expect(await gone).toBe(true)
  })

  it('renews the lifetime of a window only when it has added an event', async () => {
    const backend = completeBackend(new MapStore())
    const { windows } = groups(backend)
    for (const end of [0, 5]) await windows.incr('window', { start: 0, end, max: 9, lifetime: 1_000 })
    expect(await windows.incr('window', { start: 1, end: 6, max: 1, lifetime: 9_000 })).toMatchObject({ added: false })
    expect(await backend.timeLeft('window')).toBe(1_000)
    await windows.incr('window', { start: 1, end: 6, max: 2, lifetime: 9_000 })
    expect(await backend.timeLeft('window')).toBe(9_000)
  })

  it('counts the events of a period by the clock of this machine if the store has none', async () => {
    const { windows } = groups(completeBackend(new MapStore()))
    const count = () => windows.incr('window', { period: 3_600_000, max: 2, lifetime: 3_600_000 })
    expect([await count(), await count(), await count()]).toMatchObject([
      { count: 1, added: true },
      { count: 2, added: true },
      { count: 2, added: false },
    ])
  })

  it('deletes by pattern once the leases on what matches are void', async () => {
    const done: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const leases = {
      get: () => ({ value: MISS }),
      take: () => 'token',
      set: () => true,
      holds: () => true,
      voidMatch: () => promise.then(() => void done.push('void')),
    }
    const deleteMatch = (pattern: string) => done.push(pattern)
    const backend = completeBackend(Object.assign(new MapStore(), { leases, deleteMatch, tags: false as const }))
    const deleted = backend.deleteMatch('a*')
    await null
    resolve()
    expect(await deleted).toBe(2)
    expect(done).toEqual(['void', 'a*'])
  })

  it('puts nothing between a value and its reader if the store has every kind itself', () => {
    const store = new MapStore()
    const { bits, windows, sets, locks } = groups(completeBackend(new MapStore()))
    const getMany = (keys: readonly string[]) => keys.map((key) => store.get(key))
    const backend = completeBackend(Object.assign(store, { bits, windows, sets, locks, getMany }))
    backend.set('a', { '\u0000kind': 'set', items: ['x'] }, FOREVER)
    const kept = { '\u0000kind': 'set', items: ['x'] }
    expect([backend.get('a'), backend.getMany(['a'])]).toEqual([kept, [kept]])
  })

  it('hides what it stores for a set from get, getMany, inspect, getNow and leases', async () => {
    const store = new MapStore()
    const backend = completeBackend(
      Object.assign(store, {
        getNow: (key: string) => store.get(key),
        answerNow: () => Promise.resolve('anything'),
        leases: {
          get: (key: string) => ({ value: store.get(key) }),
          take: () => 'token',
          set: () => true,
          holds: () => true,
          voidMatch: () => {},
        },
      }),
    )
    groups(backend).sets.add('a', ['x'])
    expect(backend.get('a')).toBe(MISS)
    expect(backend.getMany(['a'])).toEqual([MISS])
    expect((backend.inspect('a') as Snapshot).value).toBe(MISS)
    expect(backend.getNow?.('a')).toBe(MISS)
    expect(backend.answerNow).toBeUndefined()
    expect(backend.leases?.get('a')).toEqual({ value: MISS })
    expect(() => backend.incr('a', 1, FOREVER)).toThrow(WrongTypeError)
  })

  it('hides locks from scan, count, clear, deleteMatch and the host', async () => {
    const heard: string[] = []
    class Telling extends MapStore {
      override open(host?: { removed(key: string, reason: 'expired'): void }): void {
        for (const key of [...this.scan('*'), 'a key']) host?.removed(key, 'expired')
      }
    }
    const backend = completeBackend(new Telling())
    const { locks } = groups(backend)
    locks.acquire('job', 'me', 1_000)
    backend.set('a', 1, FOREVER)
    const keys: string[] = []
    for await (const key of backend.scan('*', 10)) keys.push(key)
    expect([keys, await backend.count()]).toEqual([['a'], 1])
    expect(await backend.deleteMatch('*')).toBe(1)
    await backend.clear()
    backend.open({ removed: (key) => heard.push(key), error() {} })
    expect([locks.isLocked('job'), heard]).toEqual([true, ['a key']])
  })

  it('hides the records of tags from the host', async () => {
    const heard: string[] = []
    let host: BackendHost | undefined
    class Telling extends MapStore {
      override open(own?: BackendHost): void {
        host = own
      }
    }
    const store = new Telling()
    const backend = completeBackend(store)
    await backend.open({ removed: (key) => heard.push(key), error() {} })
    if (backend.tags) await backend.tags.set('a', 1, FOREVER, ['x'])
    const keys = [...store.scan('*')]
    expect(keys).toHaveLength(2)
    for (const key of keys) host?.removed(key, 'evicted')
    expect(heard).toEqual(['a'])
  })

  it('counts the keys of a store that has locks itself, and does not count', async () => {
    const { locks } = groups(completeBackend(new MapStore()))
    const backend = completeBackend(Object.assign(new MapStore(), { locks }))
    backend.set('a', 1, FOREVER)
    expect(await backend.count()).toBe(1)
  })

  it.each([undefined, false] as const)(
    'hides locks where the store acts on its keys itself, with tags: %s',
    async (tags) => {
      class Visited extends MapStore {
        async *visit<T>(pattern: string, _: number, act: (keys: readonly string[]) => T): AsyncGenerator<Awaited<T>> {
          yield await act([...this.scan(pattern)])
        }
      }
      const backend = completeBackend(Object.assign(new Visited(), tags === false && { tags }))
      const { locks } = groups(backend)
      locks.acquire('job', 'me', 1_000)
      backend.set('a', 1, FOREVER)
      for await (const keys of backend.visit?.('*', 10, (keys) => keys) ?? []) expect(keys).toEqual(['a'])
      expect(await backend.deleteMatch('*')).toBe(1)
      await backend.clear()
      expect(locks.isLocked('job')).toBe(true)
    },
  )

  it.each([undefined, false] as const)(
    'uses the deleteMatch of the store only where its pattern cannot reach locks, with tags: %s',
    async (tags) => {
      const asked: string[] = []
      const deleteMatch = (pattern: string) => asked.push(pattern)
      const backend = completeBackend(Object.assign(new MapStore(), { deleteMatch }, tags === false && { tags }))
      for (const pattern of ['user:*', '*', '?*', '[a-z]*', '\\a*', '\u0000*']) await backend.deleteMatch(pattern)
      expect(asked).toEqual(['user:*'])
    },
  )

  it('packs fields of any size, the highest bit first, as Redis does', () => {
    const store = new MapStore()
    const { bits } = groups(completeBackend(store))
    bits.incr('a', [1], 4, 0b0110)
    bits.incr('a', [1], 12, 0b1010_0000_0001)
    expect(store.get('a')).toMatchObject({ items: [0b0000_0110, 0b0000_1010, 0b0000_0001] })
    bits.incr('far', [20], 1, 1)
    expect(store.get('far')).toMatchObject({ items: [0, 0, 0b0000_1000] })
  })
})
