import {
  addPrefix,
  type Backend,
  type Cache,
  CacheClosedError,
  createCache,
  type Middleware,
  NotConfiguredError,
} from '@cashews/core'
import { cached } from '@cashews/strategies'
import { beforeEach, describe, expect, it } from 'vitest'
import { stores } from './support/backends.ts'
import { all, altered, gate, recorder, settle } from './support/helpers.ts'

describe.each(stores)('routing over several $name backends', ({ create }) => {
  let cache: Cache
  let byPrefix: Record<string, Backend>
  beforeEach(() => {
    byPrefix = { '': create(), 'user:': create(), 'user:vip:': create() }
    cache = createCache()
    for (const [prefix, backend] of Object.entries(byPrefix)) cache.setup(backend, { prefix })
  })

  const held = async (prefix: string): Promise<string[]> =>
    (await all(byPrefix[prefix]?.scan('*', 10) as AsyncIterable<string>)).sort()

  it('sends a key to the longest prefix it starts with, whatever the order of setup', async () => {
    const reversed = createCache()
    for (const [prefix, backend] of Object.entries(byPrefix).reverse()) reversed.setup(backend, { prefix })
    const keys = ['user:1', 'user:vip:1', 'user', 'other', 'User:1']
    for (const key of keys) await reversed.set(key, key)
    expect(await held('')).toEqual(['User:1', 'other', 'user'])
    expect(await held('user:')).toEqual(['user:1'])
    expect(await held('user:vip:')).toEqual(['user:vip:1'])
    expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual(keys)
  })

  it('groups many keys by backend, one command each, and answers in the order asked', async () => {
    const seen = recorder()
    cache.use(seen)
    await cache.setMany({ 'user:1': 1, a: 2, 'user:vip:1': 3, b: 4 })
    expect(await cache.getMany(['b', 'user:vip:1', 'no', 'user:1', 'a', 'user:no'], 0)).toEqual([4, 3, 0, 1, 2, 0])
    expect(await cache.deleteMany(['a', 'user:1', 'user:no'])).toBe(2)
    expect(seen.commands.sort()).toEqual([
      ...['deleteMany', 'deleteMany', 'getMany', 'getMany', 'getMany', 'setMany', 'setMany', 'setMany'],
    ])
    expect(await held('')).toEqual(['b'])
  })

  it('asks the backends of many keys at the same time', async () => {
    let running = 0
    let most = 0
    cache.use(async (call, next) => {
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
      return next(call)
    })
    await cache.getMany(['a', 'user:1', 'user:vip:1'])
    expect(most).toBe(3)
  })

  it('sends a pattern to every backend with keys that may match', async () => {
    const seen = recorder()
    cache.use(seen)
    await cache.setMany({ 'user:1': 1, usual: 2, 'user:vip:1': 3, other: 4 })
    seen.calls.length = 0
    expect((await all(cache.scan('us*'))).sort()).toEqual(['user:1', 'user:vip:1', 'usual'])
    expect(seen.calls).toHaveLength(3)
    expect((await all(cache.getMatch('user:*'))).map(([, value]) => value).sort()).toEqual([1, 3])
    expect(seen.calls).toHaveLength(5)
    expect(await all(cache.scan('user:vip:?'))).toEqual(['user:vip:1'])
    expect(seen.calls).toHaveLength(6)
    expect(await cache.deleteMatch('*1')).toBe(2)
    expect(seen.calls).toHaveLength(9)
    expect((await all(cache.scan('*'))).sort()).toEqual(['other', 'usual'])
  })

  it('counts, clears and pings every backend', async () => {
    await cache.setMany({ 'user:1': 1, a: 2, 'user:vip:1': 3 })
    expect(await cache.getKeysCount()).toBe(3)
    expect(await cache.ping('hi')).toBe('hi')
    await cache.clear()
    expect(await cache.getKeysCount()).toBe(0)
  })

  it('runs only the middlewares of the backend of the key', async () => {
    const seen = recorder()
    const other = create()
    cache.setup(other, { prefix: 'logged:', middlewares: [seen] })
    await cache.set('logged:1', 1)
    await cache.set('user:1', 1)
    await cache.getKeysCount()
    await cache.clear()
    expect(seen.commands).toEqual(['set', 'getKeysCount', 'clear'])
  })

  it('closes a backend that is replaced', async () => {
    const closed: string[] = []
    const named = (name: string): Backend => {
      const store = create()
      return altered(store, {
        close: () => {
          closed.push(name)
          return store.close()
        },
      })
    }
    cache.setup(named('first'), { prefix: 'x:' })
    await cache.set('x:1', 1)
    cache.setup(named('second'), { prefix: 'x:' })
    expect(await cache.get('x:1')).toBeUndefined()
    expect(closed).toEqual(['first'])
    await cache.close()
    expect(closed).toEqual(['first', 'second'])
  })

  it('goes on with a backend that is set up again for its prefix', async () => {
    const events: string[] = []
    const store = create()
    const watched = altered(store, {
      open: (host) => {
        events.push('open')
        return store.open(host)
      },
      close: () => {
        events.push('close')
        return store.close()
      },
    })
    cache.setup(watched, { prefix: 'x:' })
    await cache.set('x:1', 1)
    cache.setup(watched, { prefix: 'x:', middlewares: [recorder()] })
    expect(await cache.get('x:1')).toBe(1)
    cache.setup(watched, { prefix: 'x:' })
    await cache.close()
    expect(events).toEqual(['open', 'close'])
    await expect(cache.getOrSet('x:1', () => 1)).rejects.toThrow(CacheClosedError)
    cache.setup(watched, { prefix: 'x:' })
    expect(await cache.set('x:1', 2)).toBe(true)
    await cache.close()
  })

  it('answers what is still on the way to a replaced backend as if that were away', async () => {
    const { promise: onTheWay, open: arrive } = gate()
    const hold: Middleware = (call, next) => onTheWay.then(() => next(call))
    const load = cached(cache, { ttl: 60, key: 'x:{0}' }, async (id: number) => id)
    cache.setup(create(), { prefix: 'x:', middlewares: [hold] })
    const answers = [load(1), cache.get('x:1', 'none'), cache.set('x:1', 2), all(cache.scan('x:*'))]
    cache.setup(create(), { prefix: 'x:' })
    arrive()
    expect(await Promise.all(answers)).toEqual([1, 'none', false, []])
    expect(await cache.get('x:1')).toBeUndefined()
  })

  it('does not store a load whose read was on the way to a replaced backend', async () => {
    const { promise: onTheWay, open: arrive } = gate()
    const opened = gate<string>()
    const hold: Middleware = (call, next) => onTheWay.then(() => next(call))
    cache.setup(create(), { prefix: 'x:', middlewares: [hold] })
    const loading = cache.getOrSet('x:1', () => opened.promise)
    cache.setup(create(), { prefix: 'x:' })
    arrive()
    await settle()
    await cache.delete('x:1')
    opened.open('stale')
    expect(await loading).toBe('stale')
    expect(await cache.get('x:1')).toBeUndefined()
  })

  it('refuses one backend for two prefixes', () => {
    const shared = create()
    cache.setup(shared, { prefix: 'a:' })
    expect(() => cache.setup(shared, { prefix: 'b:' })).toThrow('Make another')
  })

  it('writes below a prefix in the store with addPrefix', async () => {
    const prefixed = create()
    const own = createCache().setup(prefixed, { middlewares: [addPrefix('app:')] })
    await own.set('key', 1)
    expect(await all(prefixed.scan('*', 10) as AsyncIterable<string>)).toEqual(['app:key'])
  })
})

describe('a cache without a backend for a key', () => {
  it('rejects, and says what to call', async () => {
    const cache = createCache({ name: 'mine' })
    for (const attempt of [
      () => cache.get('key'),
      () => cache.set('key', 1),
      () => cache.init(),
      () => cache.ping(),
      () => cache.clear(),
    ])
      await expect(attempt()).rejects.toThrow(/The cache "mine" has no backend\. Call .*setup\(/)
    await expect(cache.get('key')).rejects.toThrow(NotConfiguredError)
    await expect(cache.get('key')).rejects.toMatchObject({ code: 'CASHEWS_NOT_CONFIGURED' })
    expect(() => cache.scan('*')).toThrow(NotConfiguredError)
  })

  it('names the known prefixes', async () => {
    const cache = createCache({ name: 'mine' })
    for (const [at, prefix] of ['user:', 'page:'].entries()) {
      cache.setup(stores[at % stores.length]?.create() as Backend, { prefix })
      await expect(cache.set('other', 1)).rejects.toThrow(NotConfiguredError)
    }
    await expect(cache.get('other')).rejects.toThrow(/"user:", "page:".*"other".*without a prefix/)
    await expect(cache.getMany(['user:1', 'other'])).rejects.toThrow(NotConfiguredError)
  })

  it('supports ping, locks and counts with prefixed backends only', async () => {
    const cache = createCache()
    cache.setup(stores[0]?.create() as Backend, { prefix: 'user:' })
    expect(await cache.ping()).toBe('PONG')
    expect(await cache.getKeysCount()).toBe(0)
    expect(await cache.lock('user:lock', { ttl: 1 }, () => 'done')).toBe('done')
  })
})
