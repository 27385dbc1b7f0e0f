import { MISS } from '@cashews/core'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Recency } from '../src/entries/recency.ts'
import { opened } from './support.ts'

const HOUR = 3_600_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** A store that was swept since the tag of an entry was deleted, so that it need not look at tags until another one is. */
function swept() {
  const { store, clock } = opened({ checkInterval: 1 })
  const sweep = () => {
    clock.time += 2_000
    vi.advanceTimersByTime(2_000)
  }
  store.tags.set('a', 1, HOUR, ['x'])
  store.tags.set('b', 2, HOUR, ['y'])
  store.tags.set('c', 3, HOUR, ['z'])
  store.tags.delete(['x'])
  sweep()
  return { store, sweep }
}

it('finds keys absent whose tag is deleted after a sweep', () => {
  const { store } = swept()
  expect([store.get('a'), store.get('b'), store.count()]).toEqual([MISS, 2, 2])
  store.tags.delete(['y'])
  expect([store.get('b'), store.get('c'), store.count()]).toEqual([MISS, 3, 1])
})

it('finds keys absent whose tag has expired, however often it is swept, and keeps their values', () => {
  const { store, sweep } = swept()
  store.tags.expire(['y'])
  for (let round = 0; round < 3; round++) {
    expect([store.get('b'), store.tags.stale('b'), store.count()]).toEqual([MISS, 2, 1])
    store.tags.delete(['nobody'])
    store.tags.set('d', 4, HOUR, ['new'])
    store.tags.delete(['new'])
    sweep()
  }
  expect(store.usage().entries).toBe(2)
})

it('finds keys absent whose tag is deleted while a sweep goes on', () => {
  const { store, clock } = opened({ checkInterval: 1, size: 10_000 })
  store.tags.set('first', 1, HOUR, ['one'])
  for (let at = 0; at < 5_000; at++) store.tags.set(`k:${at}`, at, HOUR, ['many'])
  store.tags.delete(['many'])
  clock.time += 1_000
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now++) // so that a slice ends after a few entries
  vi.advanceTimersByTime(1_001)
  expect(store.usage().entries).toBeGreaterThan(1)
  expect(store.get('k:4999')).toBe(MISS)
  store.tags.delete(['one'])
  clock.time += 900
  vi.advanceTimersByTime(900)
  expect(store.get('first')).toBe(MISS)
})

it.each([
  ['is overwritten', (store: ReturnType<typeof swept>['store']) => store.set('old', 2, HOUR)],
  ['is deleted', (store: ReturnType<typeof swept>['store']) => store.delete('old')],
  ['is swept', (_: unknown, sweep: () => void) => sweep()],
])('knows who is under a tag that was deleted and named again, when an entry from before %s', (_, leave) => {
  const { store, sweep } = swept()
  store.tags.set('old', 1, HOUR, ['again'])
  store.tags.delete(['again'])
  store.tags.set('new', 1, HOUR, ['again'])
  leave(store, sweep)
  expect(store.get('new')).toBe(1)
  store.tags.delete(['again'])
  expect(store.get('new')).toBe(MISS)
})

it('forgets a tag with the last entry under it', () => {
  const entries = new Recency(10, false)
  const { book } = entries
  const isKnown = () => book.expire('x')
  const under = (key: string, ...tags: string[]): number => {
    entries.insert(key, 1)
    entries.tie(entries.head, book.tie(tags))
    return entries.head
  }
  const [one, other] = [under('one', 'x', 'y'), under('other', 'x')]
  entries.drop(one)
  expect(isKnown()).toBe(true)
  entries.tie(other, book.tie(['z']))
  expect(isKnown()).toBe(false)
  entries.tie(other, book.tie(['x']))
  expect(isKnown()).toBe(true)
  entries.drop(other)
  expect(isKnown()).toBe(false)
  under('one', 'x')
  under('other', 'y')
  entries.clear()
  expect([isKnown(), book.expire('y')]).toEqual([false, false])
})
