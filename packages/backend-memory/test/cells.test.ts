import { CommandError, MISS, type WindowCount, WrongTypeError } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { keysOf, opened, randomNumbers } from './support.ts'

const HOUR = 3_600_000
const FOREVER = Number.POSITIVE_INFINITY

/** Adds to the fields of one key. */
function bits(size: number) {
  const { store } = opened()
  return {
    get: (...indexes: number[]) => store.bits.get('bits', indexes, size),
    add: (by: number, ...indexes: number[]) => store.bits.incr('bits', indexes, size, by),
  }
}

describe('bits', () => {
  // test_bitarray_get_size_1, _2 and _3, test_bitarray_incr_size_1, _2 and _3, test_bitarray_incr_over
  it.each([1, 2, 3, 5, 7, 8, 9, 15, 32, 48, 53])('of %i each are 0 at first, also beyond the end', (size) => {
    const { get, add } = bits(size)
    expect(get(0, 1, 100)).toEqual([0, 0, 0])
    add(1, 1)
    expect(get(0, 1, 2, 1_000_000)).toEqual([0, 1, 0, 0])
  })

  it.each([1, 2, 3, 5, 7, 8, 9, 15, 32, 48, 53])('of %i each stop at what they can hold, and at 0', (size) => {
    const { get, add } = bits(size)
    const most = 2 ** size - 1
    expect(add(most, 4)).toEqual([most])
    expect(add(1, 4)).toEqual([most])
    expect(add(-1, 4)).toEqual([most - 1])
    expect(get(3, 4, 5)).toEqual([0, most - 1, 0])
    expect(add(-2 * most, 4)).toEqual([0])
    expect(add(most * 3, 3, 5)).toEqual([most, most])
    expect(get(2, 3, 4, 5, 6)).toEqual([0, most, 0, most, 0])
  })

  it('are added to one after another', () => {
    expect(bits(2).add(1, 0, 0, 1, 0, 0)).toEqual([1, 2, 1, 3, 3])
  })

  it.each([1, 3, 5, 11, 53])('of %i each agree with a list of numbers over many random additions', (size) => {
    const { get, add } = bits(size)
    const model = Array.from({ length: 200 }, () => 0)
    const random = randomNumbers(7)
    for (let step = 0; step < 3_000; step++) {
      const index = random(200)
      const by = Math.floor((random(2_000) - 900) * 2 ** Math.max(0, size - 10))
      model[index] = Math.min(Math.max((model[index] as number) + by, 0), 2 ** size - 1)
      expect(add(by, index)).toEqual([model[index]])
    }
    expect(get(...model.keys())).toEqual(model)
  })

  it.each([
    [[-1], 1],
    [[0.5], 1],
    [[Number.NaN], 1],
    [[2 ** 32], 1],
    [[0], 0],
    [[0], 54],
    [[0], 1.5],
  ])('at %j of size %s are not fields', (indexes, size) => {
    const { store } = opened()
    expect(() => store.bits.get('bits', indexes, size)).toThrow(CommandError)
    expect(() => store.bits.incr('bits', [0, ...indexes], size, 1)).toThrow(CommandError)
    expect(store.exists('bits')).toBe(false)
  })

  it('have no lifetime until they are given one, and keep it', () => {
    const { store } = opened()
    store.bits.incr('bits', [1], 1, 1)
    expect(store.timeLeft('bits')).toBe(FOREVER)
    store.expire('bits', HOUR)
    store.bits.incr('bits', [2], 1, 1)
    expect(store.timeLeft('bits')).toBe(HOUR)
  })
})

describe('a window', () => {
  // test_slice_incr
  it('counts what lies in it, up to max', () => {
    const { store } = opened()
    const incr = (start: number, end: number) =>
      (store.windows.incr('w', { start, end, max: 3, lifetime: HOUR }) as WindowCount).count
    expect([incr(0, 5), incr(0, 5), incr(0, 6), incr(0, 7), incr(0, 8)]).toEqual([1, 2, 3, 3, 3])
    expect(incr(6, 9)).toBe(2)
    expect(incr(6, 10)).toBe(3)
    expect(incr(11, 12)).toBe(1)
  })

  it('accepts events in any order', () => {
    const { store } = opened()
    const incr = (start: number, end: number, max = 9) =>
      (store.windows.incr('w', { start, end, max, lifetime: HOUR }) as WindowCount).count
    for (const end of [5, 1, 9, 3, 7]) incr(0, end)
    expect(incr(4, 0, 0)).toBe(3)
    expect(incr(8, 0, 0)).toBe(1)
  })

  it('is absent when it is empty', () => {
    const { store } = opened()
    const nothing = { count: 0, added: false, age: 0 }
    expect(store.windows.incr('w', { start: 0, end: 1, max: 0, lifetime: HOUR })).toEqual(nothing)
    expect(store.exists('w')).toBe(false)
    store.windows.incr('w', { start: 0, end: 1, max: 1, lifetime: HOUR })
    expect(store.windows.incr('w', { start: 5, end: 6, max: 0, lifetime: HOUR })).toEqual(nothing)
    expect(store.exists('w')).toBe(false)
  })
})

describe('a set', () => {
  it('gives and takes members', () => {
    const { store } = opened()
    expect(store.sets.add('s', ['a', 'b', 'a'])).toBe(2)
    expect(store.sets.add('s', ['b', 'c'])).toBe(1)
    expect(store.sets.remove('s', ['a', 'x'])).toBe(1)
    expect(store.sets.pop('s', 0)).toEqual([])
    expect(store.sets.pop('s', 1)).toHaveLength(1)
    expect(store.sets.pop('s', 10)).toHaveLength(1)
    expect(store.exists('s')).toBe(false)
  })

  it('is absent if nothing was added', () => {
    const { store } = opened()
    store.sets.add('s', [], HOUR)
    store.sets.remove('s', ['a'])
    store.sets.pop('s', 1)
    expect(store.exists('s')).toBe(false)
  })

  it('can be popped in batches', () => {
    const { store } = opened()
    const members = keysOf(1_000)
    store.sets.add('s', members)
    const popped: string[] = []
    for (
      let batch = store.sets.pop('s', 100) as string[];
      batch.length > 0;
      batch = store.sets.pop('s', 100) as string[]
    )
      popped.push(...batch)
    expect(popped.sort()).toEqual([...members].sort())
  })

  it('gets a new lifetime even if no member is new', () => {
    const { store } = opened()
    store.sets.add('s', ['a'], HOUR)
    store.sets.add('s', ['a'], 2 * HOUR)
    expect(store.timeLeft('s')).toBe(2 * HOUR)
  })
})

describe('a counter', () => {
  it.each(['text', '1', 1.5, Number.NaN, FOREVER, null, undefined, true, 5n, { a: 1 }, [1], new Date(0)])(
    'is not %o',
    (value) => {
      const { store } = opened()
      store.set('n', value, HOUR)
      expect(() => store.incr('n', 1, HOUR)).toThrow(WrongTypeError)
      expect(store.get('n')).toEqual(value)
    },
  )

  it('stays exact', () => {
    const { store } = opened()
    store.set('n', Number.MAX_SAFE_INTEGER, HOUR)
    expect(() => store.incr('n', 1, HOUR)).toThrow(WrongTypeError)
    expect(store.incr('n', -1, HOUR)).toBe(Number.MAX_SAFE_INTEGER - 1)
    store.set('n', 2 ** 53, HOUR)
    expect(() => store.incr('n', -1, HOUR)).toThrow(WrongTypeError)
  })

  it.each([0.5, Number.NaN, FOREVER, 2 ** 53])('cannot be added %s to', (by) => {
    const { store } = opened()
    expect(() => store.incr('n', by, HOUR)).toThrow(CommandError)
    expect(store.get('n')).toBe(MISS)
  })
})

describe('a lock', () => {
  it('is held by its token only, for its lifetime', () => {
    const { store, clock } = opened()
    expect(store.locks.acquire('l', 'me', 1_000)).toBe(true)
    expect(store.locks.acquire('l', 'you', 1_000)).toBe(false)
    expect(store.locks.release('l', 'you')).toBe(false)
    clock.time += 999
    expect(store.locks.isLocked('l')).toBe(true)
    clock.time += 1
    expect(store.locks.isLocked('l')).toBe(false)
    expect(store.locks.extend('l', 'me', 1_000)).toBe(false)
    expect(store.locks.acquire('l', 'you', 1_000)).toBe(true)
    expect(store.locks.release('l', 'me')).toBe(false)
    expect(store.locks.release('l', 'you')).toBe(true)
  })

  it('does not take room forever if it is never released', () => {
    const { store, clock } = opened()
    for (const key of keysOf(10_000)) {
      store.locks.acquire(key, 'me', 10)
      clock.time += 1
    }
    // Each one buries up to two of the dead: with ten alive at a time there are never many more.
    expect(store.locks.size).toBeLessThan(50)
  })

  it('outlives eviction and clear', () => {
    const { store } = opened({ size: 1 })
    store.locks.acquire('l', 'me', HOUR)
    for (const key of keysOf(10)) store.set(key, 1, HOUR)
    store.clear()
    expect(store.locks.isLocked('l')).toBe(true)
  })
})
