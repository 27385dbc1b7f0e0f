import { memory } from '@cashews/backend-memory'
import { MISS } from '@cashews/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Opened, opened } from './support.ts'

const MINUTE = 60_000
const FOREVER = Number.POSITIVE_INFINITY

type Store = Opened['store']

describe('an entry', () => {
  it.each([1, 999, 1_000, 1_001, MINUTE, 10 * MINUTE])(
    'with a lifetime of %i ms ends on the millisecond',
    (lifetime) => {
      const { store, clock } = opened()
      store.set('a', 1, lifetime)
      clock.time += lifetime - 1
      expect(store.get('a')).toBe(1)
      expect(store.timeLeft('a')).toBe(1)
      clock.time += 1
      expect(store.get('a')).toBe(MISS)
    },
  )

  it.each([
    ['get', (store) => store.get('a'), MISS],
    ['getNow', (store) => store.getNow('a'), MISS],
    ['getMany', (store) => store.getMany(['a']), [MISS]],
    ['getRaw', (store) => store.getRaw('a'), MISS],
    ['exists', (store) => store.exists('a'), false],
    ['timeLeft', (store) => store.timeLeft('a'), MISS],
    ['inspect', (store) => store.inspect('a'), MISS],
    ['size', (store) => store.size('a'), 0],
    ['count', (store) => store.count(), 0],
    ['scan', (store) => [...store.scan('*')], []],
    ['expire', (store) => store.expire('a', MINUTE), false],
    ['delete', (store) => store.delete('a'), false],
    ['deleteMany', (store) => store.deleteMany(['a']), 0],
    ['deleteMatch', (store) => store.deleteMatch('*'), 0],
    ['incr', (store) => store.incr('a', 5, MINUTE), 5],
    ['set, if it exists', (store) => store.set('a', 1, MINUTE, true), false],
    ['set, if it does not', (store) => store.set('a', 1, MINUTE, false), true],
    ['apply, if it is absent', (store) => store.apply([{ key: 'a' }], []), true],
    ['sets.add', (store) => store.sets.add('a', ['x']), 1],
    ['sets.remove', (store) => store.sets.remove('a', ['x']), 0],
    ['sets.pop', (store) => store.sets.pop('a', 1), []],
    ['bits.get', (store) => store.bits.get('a', [0], 1), [0]],
    ['bits.incr', (store) => store.bits.incr('a', [0], 2, 1), [1]],
    [
      'windows.incr',
      (store) => store.windows.incr('a', { start: 0, end: 1, max: 1, lifetime: MINUTE }),
      { count: 1, added: true, age: 0 },
    ],
  ] as [string, (store: Store) => unknown, unknown][])(
    'that expired and was not swept is absent for %s',
    (_, ask, answer) => {
      const { store, clock } = opened({ checkInterval: 0 })
      store.set('a', 'old', MINUTE)
      clock.time += MINUTE
      expect(ask(store)).toEqual(answer)
    },
  )

  it('written over an expired one gets a lifetime of its own', () => {
    const { store, clock } = opened({ checkInterval: 0 })
    store.set('a', 'old', MINUTE)
    clock.time += 2 * MINUTE
    store.set('a', 'new', FOREVER)
    clock.time += 2 * MINUTE
    expect(store.get('a')).toBe('new')
    expect(store.timeLeft('a')).toBe(FOREVER)
  })

  it('keeps its lifetime under incr, and loses it to set', () => {
    const { store, clock } = opened()
    store.incr('n', 1, MINUTE)
    clock.time += MINUTE / 2
    store.incr('n', 1, FOREVER)
    expect(store.timeLeft('n')).toBe(MINUTE / 2)
    store.set('n', 7, FOREVER)
    expect(store.timeLeft('n')).toBe(FOREVER)
  })
})

describe('a store', () => {
  it('reports evicted and expired keys once, and no key that was deleted, cleared or overwritten', () => {
    const { store, clock, removed } = opened({ size: 2, checkInterval: 0 })
    store.set('deleted', 1, MINUTE)
    store.delete('deleted')
    store.set('cleared', 1, MINUTE)
    store.clear()
    store.set('overwritten', 1, MINUTE)
    store.set('overwritten', 2, MINUTE)
    store.set('expired', 1, 10)
    clock.time += 10
    expect(removed).toEqual([])
    store.get('expired')
    store.get('expired')
    expect(removed).toEqual([['expired', 'expired']])
    store.set('a', 1, MINUTE)
    store.set('b', 1, MINUTE)
    expect(removed).toEqual([
      ['expired', 'expired'],
      ['overwritten', 'evicted'],
    ])
  })

  it('can be used by the listener', () => {
    const { store, clock, host } = opened({ size: 2, checkInterval: 0 })
    Object.assign(host, { removed: (key: string) => void (key === 'a' && store.set('a', 'back', MINUTE)) })
    for (const key of ['a', 'b', 'c']) store.set(key, key, 10)
    expect(store.getMany(['a', 'c'])).toEqual(['back', 'c'])
    clock.time += 10
    expect(store.get('c')).toBe(MISS)
    expect(store.get('a')).toBe('back')
  })

  it('works before it is opened, and reports to nobody', () => {
    const store = memory({ size: 1 })
    store.set('a', 1, MINUTE)
    store.set('b', 2, MINUTE)
    expect(store.get('b')).toBe(2)
  })

  it('forgets everything when closed, and can be opened again', () => {
    const { store, removed, host } = opened({ size: 1 })
    store.set('a', 1, MINUTE)
    store.locks.acquire('lock', 'me', MINUTE)
    store.close()
    store.close()
    store.open(host)
    expect(store.count()).toBe(0)
    expect(store.locks.isLocked('lock')).toBe(false)
    expect(removed).toEqual([])
    store.set('a', 1, MINUTE)
    store.set('b', 1, MINUTE)
    expect(removed).toEqual([['a', 'evicted']])
  })
})

describe('scan', () => {
  it('yields each key once, however often it is deleted and written again meanwhile', () => {
    const { store } = opened()
    for (let at = 0; at < 50; at++) store.set(`key:${at}`, at, MINUTE)
    const seen: string[] = []
    for (const key of store.scan('*')) {
      seen.push(key)
      store.delete(key)
      store.delete('key:49')
      store.set(key, 'again', MINUTE)
      store.set('key:49', 'again', MINUTE)
      if (seen.length > 200) break
    }
    expect(seen).toHaveLength(new Set(seen).size)
    expect(seen).toEqual(expect.arrayContaining(Array.from({ length: 49 }, (_, at) => `key:${at}`)))
  })

  it('yields the keys that are overwritten meanwhile', () => {
    const { store } = opened()
    for (const key of ['a', 'b', 'c', 'd']) store.set(key, 0, MINUTE)
    const seen: string[] = []
    for (const key of store.scan('*')) {
      seen.push(key)
      for (const other of ['a', 'b', 'c', 'd']) store.incr(other, 1, MINUTE)
    }
    expect(seen.sort()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('ends when the store is cleared', () => {
    const { store } = opened()
    for (const key of ['a', 'b', 'c']) store.set(key, 0, MINUTE)
    const keys = store.scan('*')
    keys.next()
    store.clear()
    store.set('d', 0, MINUTE)
    store.set('e', 0, MINUTE)
    expect([...keys]).toEqual([])
  })
})

describe('stamps', () => {
  it('change with every write, and are never reused', () => {
    const { store } = opened()
    const stamps = new Set<unknown>()
    const stamp = () => (store.inspect('a') as { stamp: unknown }).stamp
    const writes = [
      () => store.set('a', 1, MINUTE),
      () => store.set('a', 1, MINUTE),
      () => store.incr('a', 1, MINUTE),
      () => store.expire('a', MINUTE),
      () => store.delete('a') && store.set('a', 1, MINUTE),
      () => {
        store.clear()
        store.set('a', 1, MINUTE)
      },
    ]
    for (const write of [...writes, ...writes]) {
      write()
      stamps.add(stamp())
      expect(stamp()).toBe(stamp())
    }
    expect(stamps.size).toBe(12)
  })

  it('do not repeat after a million overwrites', () => {
    const { store } = opened()
    store.set('a', 0, MINUTE)
    const before = store.inspect('a') as { stamp: number }
    const seen = new Set<number>()
    for (let write = 0; write < 2 ** 20 + 5; write++) {
      store.incr('a', 1, MINUTE)
      if (write % 1_000 === 0 || write > 2 ** 20 - 5) seen.add((store.inspect('a') as { stamp: number }).stamp)
    }
    expect(seen.has(before.stamp)).toBe(false)
    expect(seen.size).toBe(Math.ceil((2 ** 20 - 4) / 1_000) + 9)
  })
})

describe('time', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  it('continues when the system clock is set back, so that no entry outlives its lifetime', async () => {
    vi.useFakeTimers()
    const store = memory({ checkInterval: 0 })
    store.set('a', 1, MINUTE)
    await vi.advanceTimersByTimeAsync(10)
    expect(store.get('a')).toBe(1)
    vi.setSystemTime(Date.now() - 60 * MINUTE)
    expect(store.get('a')).toBe(1)
    await vi.advanceTimersByTimeAsync(MINUTE - 11)
    expect(store.get('a')).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(store.get('a')).toBe(MISS)
  })

  it('is exact under fake timers, however late they come', () => {
    const store = memory()
    store.set('before', 1, MINUTE)
    store.get('before')
    vi.useFakeTimers()
    store.set('a', 1, 10 * MINUTE)
    for (let read = 0; read < 5; read++) store.get('a')
    vi.advanceTimersByTime(MINUTE)
    expect(store.get('before')).toBe(MISS)
    expect(store.timeLeft('a')).toBe(9 * MINUTE)
    vi.advanceTimersByTime(9 * MINUTE - 1)
    expect(store.get('a')).toBe(1)
    vi.advanceTimersByTime(1)
    expect(store.get('a')).toBe(MISS)
  })

  it('is exact when only Date.now is replaced', () => {
    const store = memory()
    store.set('a', 1, MINUTE)
    store.get('a')
    const later = Date.now() + MINUTE
    vi.spyOn(Date, 'now').mockImplementation(() => later)
    expect(store.get('a')).toBe(MISS)
  })

  it('is read from a given clock every time', () => {
    const now = vi.fn(() => 1_000)
    const store = memory({ clock: { now } })
    store.set('a', 1, 10 * MINUTE)
    for (let read = 0; read < 10; read++) store.get('a')
    expect(now.mock.calls.length).toBeGreaterThanOrEqual(11)
  })

  it('never hides the end of an entry when it is remembered', async () => {
    const store = memory()
    store.set('a', 1, 30)
    const end = Date.now() + 30
    while (Date.now() < end) expect([1, MISS]).toContain(store.get('a'))
    expect(store.get('a')).toBe(MISS)
  })

  it('passes while the event loop is blocked', () => {
    const store = memory()
    store.set('a', 1, 1_200)
    store.set('long', 1, 10 * MINUTE)
    const end = Date.now() + 1_200
    while (Date.now() < end) store.get('long')
    expect(store.get('a')).toBe(MISS)
  })
})
