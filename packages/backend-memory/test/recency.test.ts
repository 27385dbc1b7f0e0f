import { MISS, newSpot } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { keysOf, type Opened, opened, randomNumbers } from './support.ts'

const HOUR = 3_600_000

function filled(size: number) {
  const memory = opened({ size })
  for (const key of keysOf(size)) memory.store.set(key, key, HOUR)
  return memory
}

describe('a full memory store', () => {
  it('never holds more than its size', () => {
    const { store } = opened({ size: 10 })
    for (const key of keysOf(1_000)) store.set(key, 1, HOUR)
    expect(store.count()).toBe(10)
    expect([...store.scan('*')]).toHaveLength(10)
  })

  // test_lru and test_lru2 of the Python library
  it.each([
    ['first', 0],
    ['second', 5],
  ])('keeps the %s half when that half was read', (_, from) => {
    const { store } = filled(10)
    const read = keysOf(10).slice(from, from + 5)
    for (const key of read) store.get(key)
    for (const key of keysOf(5, 'new')) store.set(key, 1, HOUR)
    expect(store.getMany(read)).toEqual(read)
    expect([...store.scan('key:*')].sort()).toEqual(read)
  })

  it.each([
    ['get', 'key:0', (store) => store.get('key:0')],
    ['getNow', 'key:0', (store) => store.getNow('key:0')],
    ['getMany', 'key:0', (store) => store.getMany(['key:0'])],
    ['an overwrite', 'key:0', (store) => store.set('key:0', 1, HOUR)],
  ] as [string, string, (store: Opened['store']) => unknown][])('counts %s as a use', (_, key, use) => {
    const { store, removed } = filled(3)
    use(store)
    store.set('new', 1, HOUR)
    expect(removed).toEqual([['key:1', 'evicted']])
    expect(store.exists(key)).toBe(true)
  })

  it.each([
    ['exists', (store) => store.exists('key:0')],
    ['timeLeft', (store) => store.timeLeft('key:0')],
    ['size', (store) => store.size('key:0')],
    ['inspect', (store) => store.inspect('key:0')],
    ['scan', (store) => [...store.scan('key:0')]],
    ['expire', (store) => store.expire('key:0', HOUR)],
  ] as [string, (store: Opened['store']) => unknown][])('does not count %s as a use', (_, look) => {
    const { store, removed } = filled(3)
    look(store)
    store.set('new', 1, HOUR)
    expect(removed).toEqual([['key:0', 'evicted']])
  })

  it('counts the use of a set, of bits and of a window', () => {
    const { store, removed } = opened({ size: 4 })
    store.sets.add('set', ['a'])
    store.bits.incr('bits', [1], 1, 1)
    store.windows.incr('window', { start: 0, end: 1, max: 9, lifetime: HOUR })
    store.set('value', 1, HOUR)
    store.sets.add('set', ['b'])
    store.bits.get('bits', [1], 1)
    store.windows.incr('window', { start: 0, end: 2, max: 9, lifetime: HOUR })
    store.set('new', 1, HOUR)
    expect(removed).toEqual([['value', 'evicted']])
  })

  it('evicts nothing to overwrite', () => {
    const { store, removed } = filled(3)
    for (const key of keysOf(3)) store.set(key, 'again', HOUR)
    expect(removed).toEqual([])
    expect(store.count()).toBe(3)
  })

  it('does not use a note about an entry whose place another one has taken', async () => {
    const { store } = opened({ size: 2 })
    const spots = ['a', 'b'].map((key) => newSpot(key))
    for (const [step, key] of ['a', 'a', 'b', 'a', 'c', 'a', 'd', 'b', 'c', 'a', 'b'].entries()) {
      store.set(key, `${key} of step ${step}`, HOUR)
      for (const spot of spots) {
        const answer = store.answerNow(spot.key, spot)
        expect(answer === undefined ? MISS : await answer).toBe(store.get(spot.key))
      }
    }
  })

  it('works with room for one', () => {
    const { store, removed } = opened({ size: 1 })
    store.set('a', 1, HOUR)
    store.set('b', 2, HOUR)
    store.delete('b')
    store.set('c', 3, HOUR)
    store.set('c', 4, HOUR)
    expect(store.getMany(['a', 'b', 'c'])).toEqual([MISS, MISS, 4])
    expect(removed).toEqual([['a', 'evicted']])
  })

  it('fills the room that deletes leave before it evicts', () => {
    const { store, removed } = filled(100)
    for (const key of keysOf(100).slice(20, 60)) store.delete(key)
    for (const key of keysOf(40, 'new')) store.set(key, 1, HOUR)
    expect(removed).toEqual([])
    store.set('one more', 1, HOUR)
    expect(removed).toEqual([['key:0', 'evicted']])
  })

  it('agrees with a simple model over a long run of random commands', () => {
    const size = 20
    const { store, removed } = opened({ size })
    const model = new Map<string, number>() // the least recently used first
    const touch = (key: string, value: number) => model.delete(key) && model.set(key, value)
    const random = randomNumbers(42)
    for (let step = 0; step < 20_000; step++) {
      const key = `key:${random(40)}`
      const known = model.get(key)
      if (random(10) < 4) {
        expect(store.get(key)).toBe(known ?? MISS)
        if (known !== undefined) touch(key, known)
      } else if (random(10) < 7) {
        store.set(key, step, HOUR)
        model.delete(key)
        if (model.size === size) model.delete(model.keys().next().value as string)
        model.set(key, step)
      } else {
        expect(store.delete(key)).toBe(model.delete(key))
      }
      if (random(2_000) === 0) {
        store.clear()
        model.clear()
      }
    }
    expect([...store.scan('*')].sort()).toEqual([...model.keys()].sort())
    expect(removed.length).toBeGreaterThan(1_000)
  })
})

describe('a large memory store', () => {
  const COUNT = 60_000

  it('finds what is left, and nothing else, after most of it went', () => {
    const { store } = opened({ size: COUNT, checkInterval: 0 })
    const keys = keysOf(COUNT)
    for (const key of keys) store.set(key, key, HOUR)
    const survivors = keys.filter((_, at) => at % 10 === 0)
    for (const [at, key] of keys.entries()) if (at % 10 !== 0) store.delete(key)
    expect(store.count()).toBe(survivors.length)
    expect(keys.filter((key) => store.exists(key))).toEqual(survivors)
    expect(store.get('key:1')).toBe(MISS)
    expect(store.delete('key:1')).toBe(false)
  })

  it('can be filled again from any emptiness', () => {
    const { store, removed } = opened({ size: COUNT, checkInterval: 0 })
    const keys = keysOf(COUNT)
    for (const left of [20_000, 12_000, 9_000, 5_000, 1]) {
      for (const key of keys) store.set(key, `${left} ${key}`, HOUR)
      for (const key of keys.slice(left)) store.delete(key)
      expect(store.count()).toBe(left)
      const others = keysOf(COUNT - left, `other ${left}`)
      for (const key of others) store.set(key, key, HOUR)
      expect(removed).toEqual([])
      expect(keys.slice(0, left).every((key) => store.get(key) === `${left} ${key}`)).toBe(true)
      expect(keys.slice(left).some((key) => store.exists(key))).toBe(false)
      expect(others.every((key) => store.get(key) === key)).toBe(true)
      for (const key of others) store.delete(key)
    }
  })
})
