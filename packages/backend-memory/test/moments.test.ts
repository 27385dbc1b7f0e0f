import { type MemoryBackend, memory } from '@cashews/backend-memory'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { opened } from './support.ts'

const MINUTE = 60_000

/** What ends a moment, each in a store that holds `a`, a counter, and `b`, which has a tag. */
const changes: readonly (readonly [how: string, (store: MemoryBackend) => unknown])[] = [
  ['set', (store) => store.set('new', 1, MINUTE)],
  ['set over it', (store) => store.set('a', 2, MINUTE)],
  ['setMany', (store) => store.setMany([['new', 1]], MINUTE)],
  ['setRaw', (store) => store.setRaw('a', 2, MINUTE)],
  ['incr', (store) => store.incr('a', 1, MINUTE)],
  ['expire', (store) => store.expire('a', 2 * MINUTE)],
  ['delete', (store) => store.delete('a')],
  ['deleteMany', (store) => store.deleteMany(['a'])],
  ['deleteMatch', (store) => store.deleteMatch('a*')],
  ['clear', (store) => store.clear()],
  ['apply', (store) => store.apply([], [{ op: 'delete', key: 'a' }])],
  ['set with tags', (store) => store.tags.set('a', 2, MINUTE, ['tag'])],
  ['deletion of a tag', (store) => store.tags.delete(['tag'])],
  ['expiry of a tag', (store) => store.tags.expire(['tag'])],
  ['sets', (store) => store.sets.add('members', ['one'], MINUTE)],
  ['bits', (store) => store.bits.incr('bits', [1], 1, 1)],
  ['windows', (store) => store.windows.incr('window', { period: 1_000, max: 1, lifetime: 1_000 })],
]

function holding(store: MemoryBackend): MemoryBackend {
  store.incr('a', 1, MINUTE)
  store.tags.set('b', 1, MINUTE, ['tag'])
  return store
}

afterEach(() => {
  vi.useRealTimers()
  vi.resetModules()
})

describe.each(['lru', 'sieve'] as const)('a moment of %s', (eviction) => {
  it('lasts through reads', () => {
    const store = holding(memory({ eviction }))
    const moment = store.momentNow('a')
    store.get('a')
    store.get('absent')
    store.timeLeft('a')
    store.delete('absent')
    expect(moment?.isOver).toBe(false)
    expect(store.momentNow('a')).toBe(moment)
    store.close()
  })

  it.each(changes)('ends with %s', (_, change) => {
    const store = holding(memory({ eviction }))
    const moment = store.momentNow('a')
    change(store)
    expect(moment?.isOver).toBe(true)
    expect(store.momentNow('a')?.isOver).toBe(false)
    store.close()
  })

  it('ends with incr in a store that has no tags', () => {
    const store = memory({ eviction })
    store.incr('a', 1, MINUTE)
    const moment = store.momentNow('a')
    store.incr('a', 1, MINUTE)
    expect(moment?.isOver).toBe(true)
    store.close()
  })

  it('exists for an absent key, but not for one that may expire sooner', () => {
    const store = memory({ eviction })
    store.set('brief', 1, 999)
    expect(store.momentNow('absent')?.isOver).toBe(false)
    expect(store.momentNow('brief')).toBeUndefined()
    store.close()
  })

  it('ends with an eviction', () => {
    const store = holding(memory({ eviction, size: 2 }))
    const moment = store.momentNow('a')
    store.set('c', 1, MINUTE)
    expect(moment?.isOver).toBe(true)
    store.close()
  })
})

it('ends a moment after a second', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  vi.resetModules()
  const fresh = await import('@cashews/backend-memory')
  const store = fresh.memory()
  const moment = store.momentNow('a')
  vi.advanceTimersByTime(999)
  expect(moment?.isOver).toBe(false)
  vi.advanceTimersByTime(1)
  expect(moment?.isOver).toBe(true)
  store.close()
})

it('has no moments if the time is not that of the machine', () => {
  expect(opened().store.momentNow('a')).toBeUndefined()
  const store = memory()
  const moment = store.momentNow('a')
  vi.useFakeTimers({ toFake: ['Date'] })
  expect(moment?.isOver).toBe(true)
  expect(store.momentNow('a')).toBeUndefined()
  store.close()
})
