import { BackendError, MISS } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { keysOf, type Opened, opened } from './support.ts'

const HOUR = 3_600_000
const KILOBYTE = 'x'.repeat(500) // two bytes a character

function sum(store: Opened['store']): number {
  return [...store.scan('*')].reduce((sum, key) => sum + store.size(key), 0)
}

describe('maxBytes', () => {
  it('evicts the least recently used until keys and values fit', () => {
    const { store, removed } = opened({ maxBytes: 5_500 })
    for (const key of keysOf(4)) store.set(key, KILOBYTE, HOUR)
    expect(removed).toEqual([])
    store.get('key:0')
    store.set('new', KILOBYTE.repeat(2), HOUR)
    expect(removed).toEqual([
      ['key:1', 'evicted'],
      ['key:2', 'evicted'],
    ])
    expect(sum(store)).toBeLessThanOrEqual(5_500)
  })

  it('refuses a value larger than the whole store, and evicts nothing else for it', () => {
    const { store, removed } = opened({ maxBytes: 3_000 })
    store.set('a', KILOBYTE, HOUR)
    expect(store.set('b', KILOBYTE.repeat(9), HOUR)).toBe(false)
    expect(store.exists('b')).toBe(false)
    expect(store.exists('a')).toBe(true)
    expect(removed).toEqual([])
  })

  it('drops the value that a refused one would have replaced, because it is out of date', () => {
    const { store, removed } = opened({ maxBytes: 3_000 })
    store.set('a', KILOBYTE, HOUR)
    expect(store.set('a', KILOBYTE.repeat(9), HOUR)).toBe(false)
    expect(store.get('a')).toBe(MISS)
    expect(removed).toEqual([['a', 'evicted']])
  })

  it('makes none of the writes of apply if one value is too large', () => {
    const { store } = opened({ maxBytes: 3_000 })
    const writes = [KILOBYTE, KILOBYTE.repeat(9)].map(
      (value, at) => ({ op: 'set', key: `key:${at}`, value, lifetime: HOUR }) as const,
    )
    expect(() => store.apply([], writes)).toThrow(BackendError)
    expect(store.count()).toBe(0)
  })

  it('counts sets, bits and windows as they grow', () => {
    const { store, removed } = opened({ maxBytes: 10_000 })
    for (const key of ['a', 'b', 'c']) store.set(key, KILOBYTE, HOUR)
    store.bits.incr('bits', [60_000], 1, 1)
    expect(removed).toEqual([['a', 'evicted']])
    store.sets.add('set', keysOf(30))
    expect(removed.at(-1)).toEqual(['b', 'evicted'])
    for (let at = 0; at < 300; at++) store.windows.incr('window', { start: 0, end: at, max: 1e9, lifetime: HOUR })
    expect(removed.at(-1)).not.toEqual(['b', 'evicted'])
    expect(sum(store)).toBeLessThanOrEqual(10_000)
  })

  it('is an error for a set, bits or a window that outgrow the whole store, which are then removed', () => {
    const { store, removed } = opened({ maxBytes: 3_000 })
    expect(() => store.sets.add('new', keysOf(1_000))).toThrow(BackendError)
    expect(() => store.bits.incr('bits', [1_000_000], 1, 1)).toThrow(BackendError)
    expect(removed).toEqual([])
    store.sets.add('set', keysOf(10))
    expect(() => store.sets.add('set', keysOf(1_000))).toThrow(/"set".*maxBytes is 3000/)
    expect(removed).toEqual([['set', 'evicted']])
    expect(store.count()).toBe(0)
  })

  it('subtracts what deletes, eviction, expiry and clear freed', () => {
    const { store, clock, removed } = opened({ maxBytes: 50_000, size: 30 })
    for (let round = 0; round < 20; round++) {
      for (const key of keysOf(40, `round ${round}`)) store.set(key, KILOBYTE, 1_000)
      for (const key of keysOf(10, `round ${round}`)) store.delete(key)
      if (round % 3 === 0) store.clear()
      clock.time += 1_000
    }
    removed.length = 0
    store.clear()
    for (const key of keysOf(30)) store.set(key, KILOBYTE, HOUR)
    store.clear()
    for (const key of ['a', 'b']) store.set(key, KILOBYTE.repeat(20), HOUR)
    expect(removed).toEqual([])
    expect(store.count()).toBe(2)
  })
})

describe('size', () => {
  it('tells about how many bytes a key occupies', () => {
    const { store } = opened()
    store.set('small', 1, HOUR)
    store.set('large', { list: Array.from({ length: 100 }, (_, at) => at), text: KILOBYTE }, HOUR)
    expect(store.size('small')).toBeGreaterThan(50)
    expect(store.size('small')).toBeLessThan(200)
    expect(store.size('large')).toBeGreaterThan(1_800)
    expect(store.size('large')).toBeLessThan(3_000)
    expect(store.size('absent')).toBe(0)
  })

  it('also tells it for sets, bits, windows and values with cycles', () => {
    const { store } = opened()
    store.sets.add('set', keysOf(100))
    store.bits.incr('bits', [80_000], 1, 1)
    for (let at = 0; at < 100; at++) store.windows.incr('window', { start: 0, end: at, max: 1e9, lifetime: HOUR })
    const knot: { self?: unknown; text: string } = { text: KILOBYTE }
    knot.self = knot
    store.set('knot', knot, HOUR)
    for (const [key, least] of Object.entries({ set: 1_000, bits: 10_000, window: 800, knot: 1_000 }))
      expect(store.size(key), key).toBeGreaterThan(least)
  })
})
