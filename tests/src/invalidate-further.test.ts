import { BackendError, type Cache, createCache, invalidateFurther } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { beforeEach, describe, expect, it } from 'vitest'
import { stores } from './support/backends.ts'
import { all, altered, gate, settle } from './support/helpers.ts'

describe.each(stores)('invalidateFurther on $name', ({ create }) => {
  let cache: Cache
  beforeEach(async () => {
    cache = createCache().setup(create())
    await cache.setMany({ a: 1, b: 2, other: 3 })
  })

  it('makes a read delete what it would have found', async () => {
    expect(await invalidateFurther(() => cache.get('a', 'fallback'))).toBe('fallback')
    expect(await cache.exists('a')).toBe(false)
    expect(await cache.get('b')).toBe(2)
  })

  it('makes a read of several keys delete them', async () => {
    expect(await invalidateFurther(() => cache.getMany(['a', 'b'], 0))).toEqual([0, 0])
    expect(await cache.getMany(['a', 'b', 'other'])).toEqual([undefined, undefined, 3])
  })

  it('makes a read by pattern delete the matches', async () => {
    expect(await invalidateFurther(() => all(cache.getMatch('?')))).toEqual([])
    expect(await all(cache.scan('*'))).toEqual(['other'])
  })

  it('fails if the store cannot delete what a read by pattern matches', async () => {
    const deleteMatch = () => Promise.reject(new BackendError('broken'))
    const cache = createCache().setup(altered(create(), { deleteMatch }), { suppress: false })
    await expect(invalidateFurther(() => all(cache.getMatch('?')))).rejects.toThrow('broken')
    await cache.close()
  })

  it('does not affect writes, whose values can be read outside', async () => {
    await invalidateFurther(async () => {
      await cache.set('a', 'new')
      await cache.incr('b')
    })
    expect(await cache.getMany(['a', 'b'])).toEqual(['new', 3])
  })

  it('makes a cached function run again and store its result', async () => {
    let version = 0
    const load = cached(cache, { ttl: 10, key: 'k' }, async () => ++version)
    await load()
    expect(await invalidateFurther(() => load())).toBe(2)
    expect(await load()).toBe(2)
    expect(await invalidateFurther(() => cache.getOrSet('k', () => 'set'))).toBe('set')
  })

  it('reaches nested calls', async () => {
    let version = 0
    const inner = cached(cache, { ttl: 10, key: 'inner' }, async () => ++version)
    const outer = cached(cache, { ttl: 10, key: 'outer' }, () => inner())
    await outer()
    expect(await invalidateFurther(() => outer())).toBe(2)
  })

  it('does not join a load that began before it', async () => {
    const opened = gate<string>()
    let first = true
    const load = cached(cache, { ttl: 10, key: 'k' }, async () => {
      if (!first) return 'fresh'
      first = false
      return opened.promise
    })
    const before = load()
    await settle()
    expect(await invalidateFurther(() => load())).toBe('fresh')
    opened.open('stale')
    expect(await before).toBe('stale')
    expect(await cache.get('k')).toBe('fresh')
  })

  it('does not affect concurrent calls', async () => {
    const opened = gate()
    const inside = invalidateFurther(async () => {
      await opened.promise
      return cache.get('a')
    })
    expect(await cache.get('a')).toBe(1)
    opened.open()
    expect(await inside).toBeUndefined()
  })

  it('ends with its function, also when that fails, and an inner one does not end the outer one', async () => {
    await invalidateFurther(async () => {
      await invalidateFurther(() => undefined)
      expect(await cache.get('a')).toBeUndefined()
    })
    await expect(invalidateFurther(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await cache.get('b')).toBe(2)
  })

  it('works before the first command of the cache', async () => {
    const fresh = createCache().setup(create())
    expect(await invalidateFurther(() => fresh.get('a'))).toBeUndefined()
  })

  it('affects every cache', async () => {
    const other = createCache().setup(create())
    await other.set('x', 1)
    await invalidateFurther(() => Promise.all([cache.get('a'), other.get('x')]))
    expect([await cache.exists('a'), await other.exists('x')]).toEqual([false, false])
  })
})
