import { type Cache, createCache, NotSupportedError } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'

describe.each(stores)('tags without createTags on $name', ({ create }) => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(create())
  })

  it('are an error that says what is missing', async () => {
    const writes = [
      () => cache.set('key', 1, { tags: ['a'] }),
      () => cache.setMany({ key: 1 }, { tags: ['a'] }),
      () => cache.incr('key', 1, { tags: ['a'] }),
      () => cache.getOrSet('key', () => 1, { tags: ['a'] }),
    ]
    for (const write of writes) {
      await expect(write()).rejects.toThrow(NotSupportedError)
      await expect(write()).rejects.toThrow('createTags(cache) of @cashews/tags')
    }
    expect(await cache.exists('key')).toBe(false)
  })

  it('are refused before anything is loaded', async () => {
    const load = vi.fn(() => 1)
    await expect(cache.getOrSet('key', load, { tags: ['a'] })).rejects.toThrow(NotSupportedError)
    const wrapped = cached(cache, { ttl: 1, key: 'k', tags: ['a'] }, load)
    await expect(wrapped()).rejects.toThrow(NotSupportedError)
    expect(load).not.toHaveBeenCalled()
  })
})
