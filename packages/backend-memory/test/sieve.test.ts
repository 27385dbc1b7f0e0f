import { MISS } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { AdmissionWindow } from '../src/entries/admission-window.ts'
import { keysOf, opened, randomNumbers } from './support.ts'

const HOUR = 3_600_000

function filled(size: number) {
  const memory = opened({ size, eviction: 'sieve' })
  for (const key of keysOf(size)) memory.store.set(key, key, HOUR)
  return memory
}

/** SIEVE as its paper tells it, the newest entry first, in a plain list, with a window for those written last. */
class Model {
  readonly entries: { key: string; value: number; read: boolean; placed: number }[] = []
  placements = 0
  hand: (typeof this.entries)[number] | undefined
  readonly window: AdmissionWindow

  constructor(window = new AdmissionWindow()) {
    this.window = window
  }

  find(key: string) {
    return this.entries.find((entry) => entry.key === key)
  }

  remove(key: string): boolean {
    const at = this.entries.findIndex((entry) => entry.key === key)
    if (at < 0) return false
    if (this.hand === this.entries[at]) this.hand = this.entries[at - 1]
    this.entries.splice(at, 1)
    return true
  }

  evict(): void {
    const oldest = this.entries.length - 1
    const outside = (at: number) => {
      const age = this.placements - (this.entries[at]?.placed ?? Number.POSITIVE_INFINITY)
      return age < this.window.share * this.entries.length ? oldest : at
    }
    let at = outside(this.hand ? this.entries.indexOf(this.hand) : oldest)
    for (; this.entries[at]?.read; at = outside(at - 1)) (this.entries[at] as { read: boolean }).read = false
    const { key } = this.entries[at] as { key: string }
    this.hand = this.entries[at]
    this.remove(key)
  }

  set(key: string, value: number, size: number): void {
    const known = this.remove(key)
    if (this.entries.length === size) this.evict()
    this.entries.unshift({ key, value, read: known, placed: ++this.placements })
    if (known) this.window.hits++
    else this.window.miss(this.entries.length)
  }
}

describe("a full memory store with eviction: 'sieve'", () => {
  it('evicts the oldest entry that was not read', () => {
    const { store, removed } = filled(10)
    store.get('key:0')
    store.get('key:2')
    for (const key of keysOf(2, 'new')) store.set(key, 1, HOUR)
    expect(removed).toEqual([
      ['key:1', 'evicted'],
      ['key:3', 'evicted'],
    ])
  })

  it('spares an entry that was read, until the hand comes again', () => {
    const { store, removed } = filled(2)
    store.get('key:0')
    store.get('key:1')
    store.set('new:0', 1, HOUR)
    store.set('new:1', 1, HOUR)
    expect(removed).toEqual([
      ['key:0', 'evicted'],
      ['key:1', 'evicted'],
    ])
  })

  it('leaves time to ask again for new entries, even if older ones were read', () => {
    const { store, removed } = filled(10)
    for (const key of keysOf(9)) store.get(key)
    for (const key of keysOf(2, 'new')) store.set(key, 1, HOUR)
    expect(removed).toEqual([
      ['key:0', 'evicted'],
      ['key:1', 'evicted'],
    ])
  })

  it('keeps popular keys through any number of keys that are asked for once', () => {
    const { store } = filled(10)
    for (const key of keysOf(1_000, 'scan')) {
      for (const often of keysOf(5)) expect(store.get(often)).toBe(often)
      store.set(key, 1, HOUR)
    }
    expect(store.count()).toBe(10)
  })

  it('never evicts the entry that it makes room for, however large', () => {
    const { store, removed } = opened({ maxBytes: 5_500, eviction: 'sieve' })
    for (const key of keysOf(4)) store.set(key, 'x'.repeat(500), HOUR)
    for (const key of keysOf(4)) store.get(key)
    store.set('new', 'x'.repeat(1_500), HOUR)
    expect(store.exists('new')).toBe(true)
    expect(removed).toEqual([
      ['key:0', 'evicted'],
      ['key:1', 'evicted'],
    ])
  })

  it('counts a raised counter as a use', () => {
    const { store, removed } = opened({ size: 4, eviction: 'sieve' })
    store.incr('count', 1, HOUR)
    for (const key of keysOf(3)) store.set(key, 1, HOUR)
    store.incr('count', 1, HOUR)
    for (const key of keysOf(4, 'new')) store.set(key, 1, HOUR)
    expect(store.get('count')).toBe(2)
    expect(removed.map(([key]) => key)).toEqual([...keysOf(3), 'new:0'])
  })

  it('works with room for one', () => {
    const { store, removed } = opened({ size: 1, eviction: 'sieve' })
    store.set('a', 1, HOUR)
    store.get('a')
    store.set('b', 2, HOUR)
    store.delete('b')
    store.set('c', 3, HOUR)
    store.set('c', 4, HOUR)
    expect(store.getMany(['a', 'b', 'c'])).toEqual([MISS, MISS, 4])
    expect(removed).toEqual([['a', 'evicted']])
  })

  it.each([
    ['stays', 0, 0.9],
    ['moves on fast', 0.1, 1.03],
  ])('misses about as seldom as it can where popularity %s', (_, shift, most) => {
    const missesOf = (eviction: 'lru' | 'sieve') => {
      const { store } = opened({ size: 1_000, eviction })
      const random = randomNumbers(7)
      let misses = 0
      for (let at = 0; at < 200_000; at++) {
        const rank = 10_000 ** (random(1e6) / 1e6) // of keys asked for by Zipf's law
        const key = `key:${(Math.floor(rank) + Math.floor(at * shift)) % 10_000}`
        if (store.get(key) !== MISS) continue
        misses++
        store.set(key, 1, HOUR)
      }
      return misses
    }
    expect(missesOf('sieve') / missesOf('lru')).toBeLessThan(most)
  })

  it('agrees with the model of the paper over a long run of random commands', () => {
    const size = 20
    const { store, removed } = opened({ size, eviction: 'sieve' })
    let model = new Model()
    const random = randomNumbers(42)
    for (let step = 0; step < 20_000; step++) {
      const key = `key:${random(40)}`
      const known = model.find(key)
      const chosen = random(100)
      if (chosen < 40) {
        expect(store.get(key)).toBe(known?.value ?? MISS)
        if (known) {
          known.read = true
          model.window.hits++
        }
      } else if (chosen < 85) {
        store.set(key, step, HOUR)
        model.set(key, step, size)
      } else expect(store.delete(key)).toBe(model.remove(key))
      if (random(2_000) === 0) {
        store.clear()
        model = new Model(model.window)
      }
      expect([...store.scan('*')].sort()).toEqual(model.entries.map(({ key }) => key).sort())
    }
    expect(removed.length).toBeGreaterThan(1_000)
  })
})
