import { type Cache, createCache } from '@cashews/core'
import { early, hit, soft } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stores } from './support/backends.ts'

const date = Date.now() + 3_600_000
const strategies = [
  {
    name: 'hit',
    wrap: (cache: Cache, fn: () => Promise<string>) => hit(cache, { ttl: '1h', cacheHits: 5, key: 'k' }, fn),
  },
  { name: 'early', wrap: (cache: Cache, fn: () => Promise<string>) => early(cache, { ttl: '1h', key: 'k' }, fn) },
  { name: 'soft', wrap: (cache: Cache, fn: () => Promise<string>) => soft(cache, { ttl: '1h', key: 'k' }, fn) },
]
const foreign = [
  'text',
  7,
  { 0: 'theirs', 1: 'id', 2: date, length: 3 },
  { 0: 'theirs', 1: date, 2: 0, length: 3 },
  ['theirs', 'id'],
  ['theirs', date],
  ['theirs', 'id', date, 0],
  ['theirs', date, 0, 0],
  ['theirs', null, 0],
]

describe.each(stores)('what somebody else has stored under the key, on $name', ({ create }) => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(create())
  })
  afterEach(() => cache.close())

  it.each(strategies)('is no result of $name, and is replaced', async ({ wrap }) => {
    const load = wrap(cache, async () => 'ours')
    for (const value of foreign) {
      await cache.set(load.key(), value, { ttl: '1h' })
      expect(await load.peek()).toBeUndefined()
      expect(await load(), JSON.stringify(value)).toBe('ours')
      expect(await load.peek()).toBe('ours')
    }
  })
})
