import { BackendError, type Cache, createCache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { beforeEach, describe, expect, it } from 'vitest'
import { ownName, stores } from './support/backends.ts'
import { altered, gate, settle } from './support/helpers.ts'

describe.each(stores)('detect on $name', ({ name, create }) => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(create())
  })

  const user = () => cached(cache, { ttl: '1m', key: 'user:{id}' }, async (id: string) => ({ id }))

  it('returns the result, and where it came from', async () => {
    const getUser = user()
    const miss = await cache.detect(() => getUser('1'))
    expect(miss.result).toEqual({ id: '1' })
    expect(miss.keys).toEqual(['user:1'])
    expect(miss.calls['user:1']).toEqual([
      {
        strategy: 'cached',
        template: 'user:{id}',
        ttl: 60,
        backend: ownName(name),
        hit: false,
        reason: 'miss',
        left: expect.any(Number),
      },
    ])
    const hit = await cache.detect(() => getUser('1'))
    expect(hit.calls['user:1']).toEqual([
      {
        strategy: 'cached',
        template: 'user:{id}',
        ttl: 60,
        backend: ownName(name),
        hit: true,
        age: expect.any(Number),
        left: expect.any(Number),
      },
    ])
  })

  it('lists each call for a key, in order', async () => {
    const getUser = user()
    const { calls, keys } = await cache.detect(async () => {
      await getUser('1')
      await getUser('2')
      await getUser('1')
    })
    expect(keys).toEqual(['user:1', 'user:2'])
    expect(calls['user:1']?.map(({ hit }) => hit)).toEqual([false, true])
  })

  it('lists plain reads too', async () => {
    await cache.set('key', 1)
    const { calls } = await cache.detect(async () => [await cache.get('key'), await cache.get('no')])
    expect(calls.key).toEqual([{ strategy: 'get', backend: ownName(name), hit: true, left: Number.POSITIVE_INFINITY }])
    expect(calls.no).toEqual([{ strategy: 'get', backend: ownName(name), hit: false }])
  })

  it('lists getOrSet', async () => {
    const { calls } = await cache.detect(() => cache.getOrSet('key', () => 1))
    expect(calls.key).toMatchObject([{ strategy: 'getOrSet', hit: false }])
  })

  it('can be read inside, with what happened so far', async () => {
    const getUser = user()
    const { result } = await cache.detect(async (soFar) => {
      await getUser('1')
      const { keys } = soFar()
      await getUser('2')
      return keys
    })
    expect(result).toEqual(['user:1'])
  })

  it('lists no time left for an answer that was not stored', async () => {
    const refused = cached(cache, { ttl: '1m', key: 'refused', condition: () => false }, async () => 1)
    const { calls } = await cache.detect(() => refused())
    expect(calls.refused).toEqual([
      { strategy: 'cached', template: 'refused', ttl: 60, backend: ownName(name), hit: false, reason: 'miss' },
    ])
  })

  it('includes concurrent calls inside', async () => {
    const getUser = user()
    const { keys } = await cache.detect(() => Promise.all(['1', '2', '3'].map((id) => getUser(id))))
    expect([...keys].sort()).toEqual(['user:1', 'user:2', 'user:3'])
  })

  it('does not include concurrent calls outside', async () => {
    const getUser = user()
    const opened = gate()
    const detected = cache.detect(async () => {
      await getUser('inside')
      await opened.promise
    })
    await getUser('outside')
    opened.open()
    expect((await detected).keys).toEqual(['user:inside'])
  })

  it('can be nested: the outer one includes what the inner one does', async () => {
    const getUser = user()
    const { result: inner, keys } = await cache.detect(async () => {
      await getUser('1')
      const inner = await cache.detect(() => getUser('2'))
      await getUser('3')
      return inner
    })
    expect(inner.keys).toEqual(['user:2'])
    expect(keys).toEqual(['user:1', 'user:2', 'user:3'])
  })

  it('marks calls that shared the load of another call', async () => {
    const opened = gate()
    const load = cached(cache, { ttl: 1, key: 'k' }, () => opened.promise)
    const both = cache.detect(() => Promise.all([load(), load()]))
    await settle()
    opened.open()
    const { calls } = await both
    expect(calls.k?.map(({ hit }) => hit)).toEqual([false, false])
    expect(calls.k?.filter(({ shared }) => shared)).toHaveLength(1)
  })

  it('reports a shared load to each of its callers', async () => {
    const opened = gate()
    const load = cached(cache, { ttl: 1, key: 'k' }, () => opened.promise)
    const watching = [cache.detect(() => load()), cache.detect(() => load()), cache.detect(() => load())]
    await settle()
    opened.open()
    for (const { calls } of await Promise.all(watching)) expect(calls.k).toHaveLength(1)
  })

  it('asks for the time left once for all who share a read or a load', async () => {
    let asked = 0
    await using cache = createCache()
      .setup(create())
      .use(async (call, next) => {
        if (call.command === 'getExpire') asked++
        return next(call)
      })
    const get = cached(cache, { ttl: '1m', key: 'k' }, async () => 1)
    for (const hit of [false, true]) {
      asked = 0
      const all = await Promise.all(Array.from({ length: 9 }, () => cache.detect(() => get())))
      for (const { calls } of all) expect(calls.k).toMatchObject([{ hit, left: expect.closeTo(60, 0) }])
      expect(asked).toBe(1)
    }
  })

  it('reports nested reads of a load to a caller that joins it', async () => {
    const opened = gate()
    const inner = cached(cache, { ttl: 1, key: 'inner' }, () => opened.promise)
    const outer = cached(cache, { ttl: 1, key: 'outer' }, () => inner())
    const watching = [cache.detect(() => outer()), cache.detect(() => outer())]
    await settle()
    opened.open()
    for (const { keys } of await Promise.all(watching)) expect([...keys].sort()).toEqual(['inner', 'outer'])
  })

  it('lists the keys in the order of the calls', async () => {
    const inner = cached(cache, { ttl: 1, key: 'inner' }, async () => 1)
    const outer = cached(cache, { ttl: 1, key: 'outer' }, () => inner())
    expect((await cache.detect(() => outer())).keys).toEqual(['outer', 'inner'])
  })

  it('lists a call that failed', async () => {
    const load = cached(cache, { ttl: 1, key: 'k' }, () => Promise.reject(new Error('no')))
    const { result, calls } = await cache.detect(() => load().catch((error: Error) => error.message))
    expect(result).toBe('no')
    expect(calls.k).toMatchObject([{ hit: false }])
  })

  it('passes a failure on', async () => {
    await expect(cache.detect(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  })

  it('does not change the returned list afterwards', async () => {
    const opened = gate()
    let late: Promise<unknown> | undefined
    const detected = await cache.detect(async () => {
      await cache.get('key')
      late = opened.promise.then(() => cache.get('key'))
    })
    const other = cache.detect(async () => {
      opened.open()
      await late
    })
    await other
    expect(detected.calls.key).toHaveLength(1)
  })

  it('tells of a hit all the same when its age cannot be asked for', async () => {
    const timeLeft = () => Promise.reject(new BackendError('no'))
    const cache = createCache().setup(altered(create(), { timeLeft }), { suppress: false })
    await cache.set('key', 1)
    const { result, calls } = await cache.detect(() => cache.get('key'))
    expect([result, calls.key]).toMatchObject([1, [{ hit: true }]])
    await cache.close()
  })

  it('lists only calls of its own cache', async () => {
    const other = createCache().setup(create())
    expect((await cache.detect(() => other.get('key'))).keys).toEqual([])
  })

  it('accepts keys that are names of object properties, such as __proto__', async () => {
    const { calls, keys } = await cache.detect(() => Promise.all([cache.get('__proto__'), cache.get('constructor')]))
    expect(keys).toEqual(['__proto__', 'constructor'])
    expect(calls.constructor).toHaveLength(1)
  })
})
