import { setImmediate as turn } from 'node:timers/promises'
import { MISS } from '@cashews/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keysOf, opened } from './support.ts'

const MINUTE = 60_000
const MANY = 100

/** Each look at the clock finds it later, so that a store of a hundred keys takes several slices. */
beforeEach(() => {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now++)
})
afterEach(() => void vi.restoreAllMocks())

function filled() {
  const made = opened({ size: 1_000 })
  const keys = keysOf(MANY)
  for (const key of keys) made.store.set(key, 'old', MINUTE)
  made.store.set('other', 'old', MINUTE)
  return { ...made, keys, last: keys[MANY - 1] as string }
}

describe('deleteMatch of many keys', () => {
  it('lets others have their turn, and answers how many were deleted', async () => {
    const { store } = filled()
    let turns = 0
    let isOver = false
    const deleting = Promise.resolve(store.deleteMatch('key:*')).finally(() => {
      isOver = true
    })
    for (; !isOver; turns++) await turn()
    expect(await deleting).toBe(MANY)
    expect(turns).toBeGreaterThan(1)
    expect([...store.scan('*')]).toEqual(['other'])
  })

  it('takes effect for everybody at once', async () => {
    const { store, last, keys } = filled()
    const deleting = store.deleteMatch('key:*')
    expect(deleting).toBeInstanceOf(Promise)
    expect(store.count()).toBe(1)
    expect([store.get(last), store.exists(last), store.timeLeft(last), store.inspect(last)]).toEqual([
      MISS,
      false,
      MISS,
      MISS,
    ])
    expect([store.delete(last), store.expire(last, MINUTE), store.set(last, 'new', MINUTE, true)]).toEqual([
      false,
      false,
      false,
    ])
    expect([...store.scan('*')]).toEqual(['other'])
    expect(store.getMany([...keys.slice(-3), 'other'])).toEqual([MISS, MISS, MISS, 'old'])
    expect(await deleting).toBe(MANY)
  })

  it('leaves what is written meanwhile', async () => {
    const { store, keys, last } = filled()
    const deleting = store.deleteMatch('key:*')
    store.set(last, 'new', MINUTE)
    store.set('key:more', 'new', MINUTE)
    store.incr(keys[MANY - 2] as string, 5, MINUTE)
    store.apply([], [{ op: 'set', key: keys[MANY - 3] as string, value: 'new', lifetime: 'keep' }])
    expect(await deleting).toBe(MANY)
    expect(store.getMany([last, 'key:more', ...keys.slice(-3, -1)])).toEqual(['new', 'new', 'new', 5])
    expect(store.timeLeft(keys[MANY - 3] as string)).toBe(Number.POSITIVE_INFINITY)
  })

  it('makes spots find nothing that they had noted before', async () => {
    const { store, last } = filled()
    const spot = { key: last, store: undefined, at: 0, stamp: 0 }
    expect(await store.answerNow(last, spot)).toBe('old')
    const deleting = store.deleteMatch('key:*')
    expect(store.answerNow(last, spot)).toBeUndefined()
    await deleting
  })

  it('does not count keys twice that two patterns match, nor keys that were absent because of a tag', async () => {
    const { store, keys } = filled()
    const [, one, two, three] = keys.toReversed() as [string, string, string, string]
    store.tags.set(one, 'old', MINUTE, ['deleted'])
    store.tags.set(two, 'old', MINUTE, ['expired'])
    store.tags.set(three, 'old', MINUTE, ['kept'])
    store.tags.delete(['deleted'])
    store.tags.expire(['expired'])
    const [first, second] = [store.deleteMatch('key:*'), store.deleteMatch('k*')]
    expect(store.tags.stale(two)).toBe(MISS)
    expect(store.tags.of(three)).toBe(MISS)
    expect((await first) + (await second)).toBe(MANY - 2)
    expect(store.get('other')).toBe('old')
  })

  it('ends when the store is cleared, and affects nothing written later', async () => {
    const { store, keys } = filled()
    const deleting = store.deleteMatch('key:*')
    store.clear()
    for (const key of keys) store.set(key, 'new', MINUTE)
    await deleting
    expect(store.count()).toBe(MANY)
  })
})
