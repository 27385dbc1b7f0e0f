import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keysOf, opened } from './support.ts'

const MINUTE = 60_000

describe('sweeping', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  it('removes expired entries that nobody asks for, and reports each once', () => {
    const { store, clock, removed } = opened()
    store.set('a', 1, 500)
    store.set('b', 1, MINUTE)
    clock.time += 500
    vi.advanceTimersByTime(999)
    expect(removed).toEqual([])
    vi.advanceTimersByTime(1)
    expect(removed).toEqual([['a', 'expired']])
    store.get('a')
    clock.time += MINUTE
    vi.advanceTimersByTime(1_000)
    expect(removed).toEqual([
      ['a', 'expired'],
      ['b', 'expired'],
    ])
  })

  it.each([
    ['5s', 5_000],
    [0.25, 250],
    [{ minutes: 1 }, MINUTE],
  ])('looks every checkInterval: %j', (checkInterval, interval) => {
    const { store, clock, removed } = opened({ checkInterval: checkInterval as '5s' })
    store.set('a', 1, 1)
    clock.time += 1
    vi.advanceTimersByTime(interval - 1)
    expect(removed).toHaveLength(0)
    vi.advanceTimersByTime(1)
    expect(removed).toHaveLength(1)
  })

  it.each([0, false, '0'])('never happens with checkInterval: %j', (checkInterval) => {
    const { store, clock } = opened({ checkInterval: checkInterval as 0 })
    store.set('a', 1, 1)
    clock.time += 1
    expect(vi.getTimerCount()).toBe(0)
  })

  it('goes on after a short pause where it has more entries than it looks at in one go', () => {
    const { store, clock, removed } = opened({ checkInterval: '1m', size: 10_000 })
    for (const key of keysOf(1_000)) store.set(key, 1, 1)
    clock.time += 1
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => now++)
    vi.advanceTimersByTime(MINUTE)
    expect(removed.length).toBeGreaterThan(0)
    expect(removed.length).toBeLessThan(1_000)
    vi.advanceTimersByTime(1_000)
    expect(removed).toHaveLength(1_000)
  })

  it('takes one timer, however often the next end comes closer', () => {
    const { store } = opened()
    for (let seconds = 9; seconds > 0; seconds--) store.set(`${seconds}`, 1, seconds * 1_000)
    expect(vi.getTimerCount()).toBe(1)
  })

  it('does not wait longer than a timer can', () => {
    const setTimeout = vi.spyOn(globalThis, 'setTimeout')
    const { store } = opened({ checkInterval: '900w' })
    store.set('a', 1, 1)
    expect(setTimeout.mock.calls.map(([, delay]) => delay)).toEqual([2 ** 31 - 1])
  })

  it('goes in slices of a millisecond, with time for others between', () => {
    const looks = vi.spyOn(performance, 'now')
    const { store, clock, removed } = opened({ size: 2_000 })
    for (const key of keysOf(1_000)) store.set(key, 1, 500)
    clock.time += 500
    vi.advanceTimersByTime(999)
    let time = 0
    looks.mockImplementation(() => {
      time += 0.1
      return time
    })
    const slices: number[] = []
    while (removed.length < 1_000 && slices.length < 100) {
      const before = { time, count: removed.length }
      vi.advanceTimersToNextTimer()
      slices.push(removed.length - before.count)
      expect(time - before.time).toBeLessThan(1.5)
    }
    expect(slices.length).toBeGreaterThan(3)
    expect(Math.min(...slices)).toBeGreaterThan(0)
  })

  it('works alongside reads, writes, deletes and clear', () => {
    const { store, clock, removed } = opened({ size: 20_000 })
    for (const key of keysOf(9_000)) store.set(key, 1, 500)
    clock.time += 500
    vi.advanceTimersByTime(1_000)
    for (const key of keysOf(9_000).slice(0, 4_000)) store.set(key, 2, MINUTE)
    for (const key of keysOf(9_000).slice(8_000)) store.delete(key)
    vi.advanceTimersByTime(5_000)
    expect(store.count()).toBe(4_000)
    expect(new Set(removed.map(([key]) => key)).size).toBe(removed.length)
    store.clear()
    vi.advanceTimersByTime(2 * MINUTE)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('has a timer only while something can expire', () => {
    const { store, clock } = opened()
    expect(vi.getTimerCount()).toBe(0)
    store.set('forever', 1, Number.POSITIVE_INFINITY)
    expect(vi.getTimerCount()).toBe(0)
    store.set('a', 1, 500)
    store.set('b', 1, 700)
    expect(vi.getTimerCount()).toBe(1)
    clock.time += 700
    vi.advanceTimersByTime(1_000)
    expect(vi.getTimerCount()).toBe(0)
    store.sets.add('set', ['x'], 500)
    expect(vi.getTimerCount()).toBe(1)
    store.expire('forever', 100)
    clock.time += 500
    vi.advanceTimersByTime(1_000)
    expect(store.count()).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends with close, and begins again with open', () => {
    const { store, clock, removed, host } = opened()
    store.set('a', 1, 500)
    store.close()
    expect(vi.getTimerCount()).toBe(0)
    store.set('late', 1, 500)
    expect(vi.getTimerCount()).toBe(0)
    store.open(host)
    clock.time += 500
    vi.advanceTimersByTime(1_000)
    expect(removed).toEqual([['late', 'expired']])
  })
})

describe('a store in use', () => {
  it('does not keep the process alive', () => {
    const script = `
      import { memory } from '@cashews/backend-memory'
      const store = memory()
      store.open({ removed() {}, error() {} })
      store.set('a', 1, 60_000)
      store.locks.acquire('lock', 'me', 60_000)
      store.get('a')
      console.log('done')`
    const options = ['--conditions=@cashews/source', '--input-type=module', '--eval', script]
    const output = execFileSync(process.execPath, options, {
      cwd: import.meta.dirname,
      timeout: 20_000,
      encoding: 'utf8',
    })
    expect(output).toContain('done')
  })
})
