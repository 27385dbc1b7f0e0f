import {
  addPrefix,
  type Cache,
  type Call,
  COMMANDS,
  createCache,
  keysLower,
  type Middleware,
  memoryLimit,
} from '@cashews/core'
import { cached } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, fakeTime, recorder, run } from './support/helpers.ts'

beforeEach(fakeTime)
afterEach(() => vi.useRealTimers())

/** The keys, patterns and messages of a call. */
function names(call: Call | undefined): unknown {
  if (call === undefined) return undefined
  if ('key' in call) return call.key
  if ('keys' in call) return call.keys
  if ('entries' in call) return call.entries.map(([key]) => key)
  if ('pattern' in call) return call.pattern
  return 'message' in call ? call.message : undefined
}

function changed(names: unknown, change: (text: string) => string): unknown {
  return Array.isArray(names) ? names.map(change) : typeof names === 'string' ? change(names) : names
}

describe.each(stores)('addPrefix before $name', ({ create }) => {
  it.each(COMMANDS)('prefixes the keys of %s, and nothing else', async (command) => {
    const [before, after] = [recorder(), recorder()]
    const cache = createCache().setup(create(), { middlewares: [before, addPrefix('prefix!'), after] })
    await run(cache, command)
    const prefixed =
      command === 'ping' ? names(before.calls[0]) : changed(names(before.calls[0]), (key) => `prefix!${key}`)
    expect(names(after.calls[0])).toEqual(command === 'clear' ? 'prefix!*' : prefixed)
  })

  it('shows the caller only its own keys, without the prefix', async () => {
    const backend = create()
    const cache = createCache().setup(backend, { middlewares: [addPrefix('a*:')] })
    await backend.open({ removed() {}, error() {} })
    await backend.set('ab:foreign', 1, Number.POSITIVE_INFINITY)
    await cache.setMany({ 'user:1': 1, 'user:2': 2 })
    expect((await all(cache.scan('*'))).sort()).toEqual(['user:1', 'user:2'])
    expect(Object.fromEntries(await all(cache.getMatch('user:*')))).toEqual({ 'user:1': 1, 'user:2': 2 })
    expect(await cache.get('user:1')).toBe(1)
    expect(await cache.getMany(['user:2', 'no', 'user:1'], 0)).toEqual([2, 0, 1])
    expect(await cache.deleteMatch('*')).toBe(2)
    expect(await backend.get('ab:foreign')).toBe(1)
  })

  it('clears only its own keys', async () => {
    const backend = create()
    const [one, two] = ['o*:', 'other:'].map((prefix) =>
      createCache().setup(backend, { middlewares: [addPrefix(prefix)] }),
    )
    for (const cache of [one, two]) await cache?.setMany({ a: 1, b: 2 })
    expect(await one?.clear()).toBe(undefined)
    expect(await one?.getMany(['a', 'b'])).toEqual([undefined, undefined])
    expect(await two?.getMany(['a', 'b'])).toEqual([1, 2])
  })

  it('does not store a load that was overtaken by clear', async () => {
    const cache = createCache().setup(create(), { middlewares: [addPrefix('one:')] })
    await cache.getOrSet('a', async () => {
      await cache.clear()
      return 'old'
    })
    expect(await cache.get('a')).toBe(undefined)
  })

  it('separates tags too, and returns them without the prefix', async () => {
    const backend = create()
    const tagged = (prefix: string) => {
      const cache = createCache().setup(backend, { middlewares: [addPrefix(prefix)] })
      return { cache, tags: createTags(cache) }
    }
    const [one, two] = [tagged('one:'), tagged('two:')]
    one.tags.register('registered', 'b')
    for (const { cache } of [one, two]) {
      await cache.set('a', 1, { tags: ['x'] })
      await cache.setMany({ b: 1 }, { tags: ['x'] })
      await cache.incr('n', 1, { tags: ['x'] })
    }
    expect([await one.tags.of('a'), await one.tags.of('b'), await two.tags.of('b')]).toEqual([
      ['x'],
      ['x', 'registered'],
      ['x'],
    ])
    await one.tags.delete('x')
    expect(await one.cache.getMany(['a', 'b', 'n'])).toEqual([undefined, undefined, undefined])
    expect(await two.cache.getMany(['a', 'b', 'n'])).toEqual([1, 1, 1])
    await two.tags.expire('x')
    expect(await two.cache.get('a')).toBe(undefined)
  })

  it.each([
    ['templates', ['x']],
    ['a function', () => ['x']],
  ])('keeps a load from being stored when its tag is deleted meanwhile, with tags by %s', async (_, tags) => {
    const cache = createCache().setup(create(), { middlewares: [addPrefix('one:')] })
    const all = createTags(cache)
    let loads = 0
    const get = cached(cache, { ttl: '1h', key: 'k', tags }, async () => {
      if (loads++ === 0) await all.delete('x')
      return loads
    })
    expect([await get(), await get(), await get()]).toEqual([1, 2, 2])
    await all.delete('x')
    expect(await get()).toBe(3)
  })

  it('finds the value of the changed key, even after repeated hits of another one', async () => {
    let [tenant, loads] = ['', 0]
    const ofTenant: Middleware = (call, next) => next('key' in call ? { ...call, key: `${tenant}:${call.key}` } : call)
    const cache = createCache().setup(create(), { middlewares: [ofTenant] })
    const get = cached(cache, { ttl: '1h', key: 'k:{id}' }, async (id: number) => `${tenant}${id} by load ${++loads}`)
    for (tenant of ['a', 'a', 'b', 'b', 'a', 'b']) await get(1)
    expect([await get(1), loads]).toEqual(['b1 by load 2', 2])
  })

  it('separates sets, bits, locks and counters too', async () => {
    const backend = create()
    const one = createCache().setup(backend, { middlewares: [addPrefix('one:')] })
    const two = createCache().setup(backend, { middlewares: [addPrefix('two:')] })
    for (const cache of [one, two]) {
      expect(await cache.setAdd('set', ['a'])).toBe(1)
      expect(await cache.incrBits('bits', [0])).toEqual([1])
      expect(await cache.incr('counter')).toBe(1)
      expect(await cache.setLock('lock', 'token', { ttl: 1 })).toBe(true)
    }
  })
})

describe.each(stores)('keysLower before $name', ({ create }) => {
  it.each(COMMANDS)('lowercases the keys of %s', async (command) => {
    const seen = recorder()
    const upper = (text: string) => text.toUpperCase()
    const cache = createCache().setup(create(), {
      middlewares: [(call, next) => next(uppered(call, upper)), keysLower(), seen],
    })
    await run(cache, command)
    if (command !== 'ping')
      expect(names(seen.calls[0])).toEqual(changed(names(seen.calls[0]), (key) => key.toLowerCase()))
  })

  it('treats several spellings as one key', async () => {
    const cache = createCache().setup(create(), { middlewares: [keysLower()] })
    await cache.set('User:1', 1)
    expect(await cache.get('uSER:1')).toBe(1)
    expect(await all(cache.scan('USER:*'))).toEqual(['user:1'])
    expect(await cache.delete('USER:1')).toBe(true)
  })
})

function uppered(call: Call, upper: (text: string) => string): Call {
  if ('key' in call) return { ...call, key: upper(call.key) }
  if ('keys' in call) return { ...call, keys: call.keys.map(upper) }
  if ('entries' in call) return { ...call, entries: call.entries.map(([key, value]) => [upper(key), value] as const) }
  return 'pattern' in call ? { ...call, pattern: upper(call.pattern) } : call
}

describe.each(stores)('memoryLimit before $name', ({ create }) => {
  const limited = (limits: { min?: number; max?: number }): Cache =>
    createCache().setup(create(), { middlewares: [memoryLimit(limits)] })

  it.each([
    [{}, true],
    [{ max: 1_000 }, true],
    [{ max: 100 }, false],
    [{ min: 100 }, true],
    [{ min: 1_000 }, false],
    [{ min: 100, max: 1_000 }, true],
  ])('with %j stores a value of about 250 bytes: %s', async (limits, stored) => {
    const cache = limited(limits)
    expect(await cache.set('key', 'x'.repeat(110))).toBe(stored)
    expect(await cache.exists('key')).toBe(stored)
  })

  it('writes those of several values that fit', async () => {
    const seen = recorder()
    const cache = createCache().setup(create(), { middlewares: [memoryLimit({ max: 100 }), seen] })
    await cache.setMany({ small: 'x', large: 'x'.repeat(1_000) })
    expect(await cache.getMany(['small', 'large'])).toEqual(['x', undefined])
    seen.calls.length = 0
    await cache.setMany({ large: 'x'.repeat(1_000) })
    expect(seen.calls).toEqual([])
  })

  it('does not keep the value from the caller', async () => {
    expect(await limited({ max: 10 }).getOrSet('key', () => 'x'.repeat(1_000))).toHaveLength(1_000)
  })

  it('does not affect other commands', async () => {
    const cache = limited({ min: 1_000 })
    expect(await cache.incr('counter')).toBe(1)
    expect(await cache.setAdd('set', ['a'])).toBe(1)
  })

  it.each([[{ min: -1 }], [{ min: 2, max: 1 }], [{ max: Number.NaN }]])('refuses %j', (limits) => {
    expect(() => memoryLimit(limits)).toThrow(expect.objectContaining({ code: 'CASHEWS_CONFIGURATION' }))
  })
})
