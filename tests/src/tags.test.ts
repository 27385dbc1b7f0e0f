import { reference } from '@cashews/conformance'
import {
  addPrefix,
  type Cache,
  CommandError,
  ConfigurationError,
  completeBackend,
  createCache,
  KeyTemplateError,
  keyContext,
  NotSupportedError,
  registerKeyContext,
  WrongTypeError,
} from '@cashews/core'
import { cached } from '@cashews/strategies'
import { type CacheTags, createTags } from '@cashews/tags'
import { transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, fakeTime, gate, recorder, settle, syncStore } from './support/helpers.ts'

const everyStore = [
  ...stores,
  { ...stores[0], name: 'a synchronous store', create: () => syncStore() },
] as typeof stores

describe.each(everyStore)('tags without createTags on $name', ({ create }) => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(create())
  })

  it('are refused with an error that says what is missing', async () => {
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

describe.each(stores)('tags on $name', ({ create, elapse, isInProcess }) => {
  let cache: Cache
  let tags: CacheTags
  beforeEach(() => {
    fakeTime()
    cache = createCache().setup(create())
    tags = createTags(cache)
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  const keys = async () => (await all(cache.scan('*'))).sort()

  it('delete the keys that were set under them, and no others', async () => {
    await cache.set('a', 1, { tags: ['x'] })
    await cache.set('b', 2, { tags: ['x', 'y'] })
    await cache.set('c', 3, { tags: ['y'] })
    await cache.set('d', 4)
    expect(await tags.delete('x')).toBe(true)
    expect(await cache.getMany(['a', 'b', 'c', 'd'])).toEqual([undefined, undefined, 3, 4])
    expect(await tags.delete('y')).toBe(true)
    expect(await keys()).toEqual(['d'])
  })

  it('do not delete what is written with them later', async () => {
    await cache.set('a', 1, { tags: ['x'] })
    await tags.delete('x')
    await cache.set('a', 2, { tags: ['x'] })
    expect(await cache.get('a')).toBe(2)
  })

  it('may be deleted together, before any key has them, and repeatedly', async () => {
    expect(await tags.delete('never')).toBe(true)
    expect(await tags.delete()).toBe(true)
    await cache.set('a', 1, { tags: ['x'] })
    await cache.set('b', 1, { tags: ['y'] })
    await tags.delete('x', 'y', 'never')
    expect(await tags.delete('x')).toBe(true)
    expect(await keys()).toEqual([])
  })

  it('delete more than a hundred keys, repeatedly', async () => {
    const entries = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`k${at}`, at]))
    for (let round = 0; round < 3; round++) {
      await cache.setMany(entries, { tags: ['many'], ttl: '1h' })
      expect(await cache.getKeysCount()).toBe(250)
      await tags.delete('many')
      expect([await cache.getKeysCount(), await keys()]).toEqual([0, []])
    }
  })

  it('make a key absent for every command', async () => {
    await cache.setMany({ a: 1, b: 2, c: 3, d: 4, e: 5 }, { tags: ['x'] })
    await tags.delete('x')
    expect(await cache.get('a', 'none')).toBe('none')
    expect(await cache.getMany(['a', 'b'], 0)).toEqual([0, 0])
    expect(await all(cache.getMatch('*'))).toEqual([])
    expect(await keys()).toEqual([])
    expect(await cache.exists('a')).toBe(false)
    expect(await cache.getExpire('a')).toBeUndefined()
    expect(await cache.getSize('a')).toBe(0)
    expect(await cache.getRaw('a')).toBeUndefined()
    expect(await cache.expire('a', 10)).toBe(false)
    expect(await cache.delete('a')).toBe(false)
    expect(await cache.deleteMany(['a', 'b'])).toBe(0)
    expect(await cache.deleteMatch('c')).toBe(0)
    expect(await cache.set('d', 1, { exists: true })).toBe(false)
    expect(await cache.set('d', 1, { exists: false })).toBe(true)
    expect(await cache.incr('e')).toBe(1)
    expect(await tags.of('a')).toEqual([])
  })

  const ofAnyKind = [
    ['setAdd', () => cache.setAdd('a', ['m', 'n']), 2, true],
    ['setRemove', () => cache.setRemove('a', ['m']), 0, false],
    ['setPop', () => cache.setPop('a'), [], false],
    ['getBits', () => cache.getBits('a', [1, 9], { size: 4 }), [0, 0], false],
    ['incrBits', () => cache.incrBits('a', [1, 9], { size: 4, by: 3 }), [3, 3], true],
    ['sliceIncr', () => cache.sliceIncr('a', { start: 0, end: 5, max: 9 }), 1, true],
    ['incr', () => cache.incr('a', 5), 5, true],
  ] as const

  it.each(ofAnyKind)('make a key absent for %s, whatever its type', async (_, command, answer, writes) => {
    for (const gone of [tags.delete, tags.expire]) {
      for (const value of ['text', 7, { deep: [1] }]) {
        await cache.set('a', value, { ttl: '1h', tags: ['x', 'y'] })
        await gone.call(tags, 'x')
        expect(await command()).toEqual(answer)
        expect(await cache.exists('a')).toBe(writes)
        // Neither the tags nor the ttl of the old value are left.
        expect([await tags.of('a'), await cache.getExpire('a')]).toEqual([[], writes ? Infinity : undefined])
        await cache.delete('a')
      }
    }
  })

  it.each(ofAnyKind)('make a key absent for %s in a transaction', async (_, command, answer, writes) => {
    for (const mode of ['fast', 'locked', 'serializable'] as const) {
      await cache.set('a', 'text', { ttl: '1h', tags: ['x'] })
      await tags.delete('x')
      await transaction(cache, async () => expect(await command()).toEqual(answer), { mode })
      expect([await cache.exists('a'), await cache.getExpire('a')]).toEqual([writes, writes ? Infinity : undefined])
      await cache.delete('a')
    }
  })

  it('do not turn a value that is still valid into a set, bits or a window', async () => {
    await cache.set('a', 'text', { tags: ['x'] })
    await tags.delete('y')
    for (const [, command] of ofAnyKind) await expect(command()).rejects.toThrow(WrongTypeError)
    expect([await cache.get('a'), await tags.of('a')]).toEqual(['text', ['x']])
  })

  it('count a counter on, and start it from 0 once they are deleted', async () => {
    expect(await cache.incr('hits', 2, { tags: ['x'], ttl: 10 })).toBe(2)
    expect(await cache.incr('hits')).toBe(3)
    expect(await cache.incr('hits', 1, { tags: ['y'] })).toBe(4)
    expect(await cache.get('hits')).toBe(4)
    expect([...(await tags.of('hits'))].sort()).toEqual(['x', 'y'])
    await tags.delete('x')
    expect(await cache.get('hits')).toBeUndefined()
    expect(await cache.incr('hits')).toBe(1)
  })

  it('are replaced by the next write', async () => {
    await cache.set('a', 1, { tags: ['x'] })
    await cache.set('a', 2, { tags: ['y'] })
    await cache.set('b', 1, { tags: ['x'] })
    await cache.set('b', 2)
    await tags.delete('x')
    expect(await cache.getMany(['a', 'b'])).toEqual([2, 2])
    expect([await tags.of('a'), await tags.of('b'), await tags.of('none')]).toEqual([['y'], [], []])
  })

  it('do not delete a key that was deleted and written again without them', async () => {
    await cache.set('a', 1, { tags: ['x'] })
    await cache.delete('a')
    await cache.set('a', 2)
    await tags.delete('x')
    expect(await cache.get('a')).toBe(2)
  })

  it('live as long as their longest-lived key', async () => {
    await cache.set('long', 1, { ttl: 1_000, tags: ['x'] })
    await cache.set('short', 1, { ttl: 1, tags: ['x'] })
    await elapse(2_000)
    expect(await cache.getMany(['long', 'short'])).toEqual([1, undefined])
    await tags.delete('x')
    expect(await cache.get('long')).toBeUndefined()
    await cache.set('permanent', 1, { tags: ['x'] })
    await cache.set('brief', 1, { ttl: 1, tags: ['x'] })
    await elapse(2_000)
    expect(await cache.get('permanent')).toBe(1)
    await tags.delete('x')
    expect(await cache.get('permanent')).toBeUndefined()
  })

  it('live until their longest-lived key ends, whatever is done with them meanwhile', async () => {
    await cache.set('long', 1, { ttl: '1h', tags: ['x'] })
    await cache.set('short', 1, { ttl: '1m', tags: ['x'] })
    await cache.expire('short', '2m')
    await cached(cache, { ttl: '1s', key: 'loaded', tags: ['x'] }, async () => 1)()
    await elapse(3_590_000)
    expect(await cache.get('long')).toBe(1)
  })

  // On the clock of the tests of Redis, every load takes too long.
  if (isInProcess)
    it('do not end during a load, which is stored', async () => {
      await cache.set('short', 1, { ttl: '1s', tags: ['x'] })
      const opened = gate<string>()
      const loading = cached(cache, { ttl: '1h', key: 'k', tags: ['x'] }, () => opened.promise)()
      await settle()
      await elapse(2_000)
      opened.open('loaded')
      expect(await loading).toBe('loaded')
      expect(await cache.get('k')).toBe('loaded')
    })

  it('still delete a key whose ttl was extended', async () => {
    await cache.set('a', 1, { ttl: 1, tags: ['x'] })
    await cache.expire('a', '1h')
    await elapse(60_000)
    expect(await cache.get('a')).toBe(1)
    await tags.delete('x')
    expect(await cache.get('a')).toBeUndefined()
  })

  it('are kept by getOrSet', async () => {
    const load = vi.fn(() => 'value')
    expect(await cache.getOrSet('a', load, { ttl: 10, tags: ['x'] })).toBe('value')
    expect(await cache.getOrSet('a', load, { ttl: 10, tags: ['x'] })).toBe('value')
    expect(load).toHaveBeenCalledTimes(1)
    await tags.delete('x')
    await cache.getOrSet('a', load, { ttl: 10, tags: ['x'] })
    expect(load).toHaveBeenCalledTimes(2)
  })

  it.each(['*', '?', '[a-z]', 'a:b', '\\', '%', '{x}', 'ü', ' ', '\u0000', '#sha256:00', 'tag', 'x'.repeat(1_000_000)])(
    'can be any text, which is never a pattern or another tag: %#',
    async (name) => {
      await cache.set('its', 1, { tags: [name] })
      await cache.setMany({ other: 1, more: 2 }, { tags: [`${name}1`, 'a', 'x', 'x'.repeat(1_000)] })
      await tags.delete(name)
      expect(await cache.getMany(['its', 'other', 'more'])).toEqual([undefined, 1, 2])
    },
  )

  it('do not affect a key of the same name', async () => {
    await cache.set('x', 1, { tags: ['y'] })
    await cache.set('y', 2, { tags: ['x'] })
    await tags.delete('x')
    expect(await cache.getMany(['x', 'y'])).toEqual([1, undefined])
  })

  it('are refused when one is not a name, and then nothing is written', async () => {
    const bad = ['', 7, null, undefined, 'lone \ud800']
    for (const name of bad) {
      await expect(cache.set('a', 1, { tags: ['fine', name as string] })).rejects.toThrow(CommandError)
      await expect(tags.delete(name as string)).rejects.toThrow(CommandError)
    }
    const many = Array.from({ length: 1_001 }, (_, at) => `t${at}`)
    await expect(cache.set('a', 1, { tags: many })).rejects.toThrow('at most 1000 tags, and "a" was given 1001')
    expect(await cache.exists('a')).toBe(false)
    await cache.set('a', 1, { tags: [...many.slice(1), 't1'] })
    await tags.delete('t500')
    expect(await cache.exists('a')).toBe(false)
  })

  it.each([
    ['a text', 'users'],
    ['a promise', Promise.resolve(['users'])],
    ['a number', 7],
  ])('must be a list: %s is refused, and nothing is written', async (_, given) => {
    const names = given as unknown as readonly string[]
    const writes = [
      () => cache.set('a', 1, { tags: names }),
      () => cache.setMany({ a: 1 }, { tags: names }),
      () => cache.incr('a', 1, { tags: names }),
      () => cache.getOrSet('a', () => 1, { tags: names }),
    ]
    for (const write of writes) await expect(write()).rejects.toThrow("a list of names, such as ['users']")
    tags.register('every', 'a{n}')
    await expect(cache.set('a', 1, { tags: names })).rejects.toThrow(CommandError)
    expect(await cache.exists('a')).toBe(false)
  })

  it('may be an empty list, which is a plain write', async () => {
    await cache.set('a', 1, { tags: [] })
    expect([await cache.get('a'), await tags.of('a')]).toEqual([1, []])
  })

  it('are returned by createTags again as the same object', async () => {
    expect(createTags(cache)).toBe(tags)
  })

  it('are not deleted while deleteTags is disabled, and delete resolves to false', async () => {
    await cache.set('a', 1, { tags: ['x'] })
    cache.disable('deleteTags')
    expect(await tags.delete('x')).toBe(false)
    expect(await cache.get('a')).toBe(1)
    cache.enable()
    expect(await tags.delete('x')).toBe(true)
    expect(await cache.get('a')).toBeUndefined()
  })

  it('work on a cache that is disabled altogether: nothing is stored', async () => {
    const load = vi.fn(async () => 1)
    const wrapped = cached(cache, { ttl: 10, key: 'k', tags: ['x'] }, load)
    cache.disable()
    await wrapped()
    await wrapped()
    expect(load).toHaveBeenCalledTimes(2)
    expect(await tags.delete('x')).toBe(false)
  })

  it('go through the middlewares, and are not changed with the keys', async () => {
    const seen = recorder()
    const other = createCache().setup(create(), { middlewares: [seen, addPrefix('app:')] })
    const its = createTags(other)
    await other.set('a', 1, { tags: ['x'] })
    expect(await its.of('a')).toEqual(['x'])
    await its.delete('x')
    expect(await other.get('a')).toBeUndefined()
    expect(seen.commands).toEqual(['set', 'getTags', 'deleteTags', 'get'])
    await other.close()
  })

  it('are deleted on every backend of the cache', async () => {
    cache.setup(create(), { prefix: 'user:' })
    await cache.setMany({ a: 1, 'user:a': 2, 'user:b': 3 }, { tags: ['x'] })
    await tags.delete('x')
    expect(await cache.getMany(['a', 'user:a', 'user:b'])).toEqual([undefined, undefined, undefined])
  })

  it('work on a cache without a default backend', async () => {
    const prefixed = createCache()
    const its = createTags(prefixed)
    its.register('every', 'user:{id}')
    prefixed.setup(create(), { prefix: 'user:' }).setup(create(), { prefix: 'page:' })
    await prefixed.setMany({ 'user:1': 1, 'user:2': 2, 'page:1': 3 }, { tags: ['x'] })
    expect(await prefixed.delete('user:2')).toBe(true)
    expect(await its.of('user:1')).toEqual(['x', 'every'])
    expect(await its.delete('x')).toBe(true)
    expect(await prefixed.getMany(['user:1', 'page:1'])).toEqual([undefined, undefined])
    await prefixed.close()
  })

  it('of one cache are independent of those of another', async () => {
    const other = createCache().setup(create())
    const its = createTags(other)
    its.register('all', 'b')
    await Promise.all([cache.set('a', 1, { tags: ['x'] }), other.set('a', 2, { tags: ['x'] }), cache.set('b', 1)])
    await tags.delete('x')
    await its.delete('all')
    expect([await cache.get('a'), await other.get('a'), await cache.get('b')]).toEqual([undefined, 2, 1])
    await other.close()
  })

  it('are kept by getRaw and setRaw', async () => {
    await cache.set('a', { deep: [1] }, { tags: ['x'] })
    const raw = await cache.getRaw('a')
    await cache.delete('a')
    expect(await cache.setRaw('a', raw, { ttl: 10 })).toBe(true)
    expect([await cache.get('a'), await tags.of('a')]).toEqual([{ deep: [1] }, ['x']])
    await tags.delete('x')
    expect(await cache.setRaw('a', raw)).toBe(false)
    expect(await cache.get('a')).toBeUndefined()
  })

  it('are removed by clear with all keys, and work afterwards', async () => {
    await cache.set('a', 1, { tags: ['x'] })
    await cache.clear()
    expect(await cache.get('a')).toBeUndefined()
    await cache.set('a', 2, { tags: ['x'] })
    expect(await cache.get('a')).toBe(2)
    await tags.delete('x')
    expect(await cache.get('a')).toBeUndefined()
  })

  it('that expire make keys absent, which can still be deleted', async () => {
    await cache.set('a', 1, { tags: ['x'] })
    await cache.set('b', 2, { tags: ['y'] })
    expect(await tags.expire('x')).toBe(true)
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, 2])
    expect([await cache.exists('a'), await keys()]).toEqual([false, ['b']])
    await cache.set('a', 3, { tags: ['x'] })
    expect(await cache.get('a')).toBe(3)
  })

  it('that expire before any key has them delete keys that are written later', async () => {
    await tags.expire('x')
    await cache.set('a', 1, { tags: ['x'] })
    expect(await cache.get('a')).toBe(1)
    await tags.delete('x')
    await tags.expire('x')
    expect(await cache.get('a')).toBeUndefined()
  })

  describe('registered for a template of keys', () => {
    beforeEach(() => {
      tags.register('all', 'key{i}')
      tags.register('user:{id}', 'session:{id}:{device}')
    })

    it('are added to every key that matches, whatever writes it', async () => {
      await cache.set('key1', 1)
      await cache.incr('key2')
      await cache.setMany({ key3: 3, other: 4 }, { tags: ['given'] })
      await cache.getOrSet('key4', () => 4)
      await cached(cache, { ttl: 10, key: 'key{0}' }, async (n: string) => n)('5')
      for (const key of ['key1', 'key2', 'key4', 'key5']) expect(await tags.of(key)).toEqual(['all'])
      expect([await tags.of('key3'), await tags.of('other')]).toEqual([['given', 'all'], ['given']])
      await tags.delete('all')
      expect(await keys()).toEqual(['other'])
    })

    it('take values from the key', async () => {
      await cache.setMany({ 'session:7:phone': 1, 'session:8:phone': 2, 'session:7': 3, 'x:session:7:phone': 4 })
      await tags.delete('user:7')
      expect(await keys()).toEqual(['session:7', 'session:8:phone', 'x:session:7:phone'])
    })

    it('need a whole key, with text but no colon for each name', async () => {
      tags.register('kind:{kind}', '{kind}/list')
      tags.register('braced:{id}', '{{{id}}}')
      await cache.setMany({ 'a/list': 1, '{7}': 2 })
      expect([await tags.of('a/list'), await tags.of('{7}')]).toEqual([['kind:a'], ['braced:7']])
      for (const key of ['/list', 'a:b/list', 'a/list/x', 'session:7:', 'session::phone', '{}', '7']) {
        await cache.set(key, 3)
        expect(await tags.of(key), key).toEqual([])
      }
    })

    it('apply to a wrapped function like its own tags', async () => {
      tags.register('who:{name}', 'greet:{name}')
      const greet = cached(cache, { ttl: 10, key: 'greet:{0}' }, async (name: string) => `hello ${name}`)
      await greet('a:b*')
      expect(await tags.of(greet.key('a:b*'))).toEqual(['who:a%3Ab%2A'])
    })

    it('may use formatters and the key context', async () => {
      registerKeyContext('tenant')
      tags.register('{@tenant}:{id:upper}', 'doc-{id}.{kind}')
      await keyContext({ tenant: 'acme' }, () => cache.set('doc-a.txt', 1))
      expect(await tags.of('doc-a.txt')).toEqual(['acme:A'])
      await cache.set('doc-a:txt', 1)
      await cache.set('doc-a_txt', 1)
      expect([await tags.of('doc-a:txt'), await tags.of('doc-a_txt')]).toEqual([[], []])
    })

    it.each<readonly [string, (load: () => Promise<string>) => Promise<string>]>([
      ['getOrSet', (load) => cache.getOrSet('key9', load)],
      ['a cached function', (load) => cached(cache, { ttl: 10, key: 'key9' }, load)()],
    ])('keep a load of %s that is under way from being stored', async (_, read) => {
      const opened = gate<string>()
      const loading = read(() => opened.promise)
      await elapse(10)
      await tags.delete('all')
      opened.open('old')
      expect(await loading).toBe('old')
      expect(await cache.get('key9')).toBeUndefined()
    })

    it('are refused at once when a template is invalid', () => {
      const bad: readonly (readonly [string, string])[] = [
        ['x', ''],
        ['x', 'a{b'],
        ['x', 'a}b'],
        ['x', '{a}{b}'],
        ['x', '{a}:{a}'],
        ['x', '{a.b}'],
        ['x', '{}'],
        ['{other}', 'key:{id}'],
        ['{id:nope}', 'key:{id}'],
        ['x', undefined as unknown as string],
      ]
      for (const [tag, key] of bad) expect(() => tags.register(tag, key), key).toThrow(KeyTemplateError)
      expect(() => tags.register('', 'key')).toThrow(CommandError)
      for (const key of [null, 1n, {}]) expect(() => tags.register('a', key as never)).toThrow(KeyTemplateError)
      const stray = 'names "{other}", which is not in the key template "key:{id}". Its names are: id.'
      expect(() => tags.register('a:{other}', 'key:{id}')).toThrow(stray)
    })
  })
})

describe('createTags', () => {
  it.each([
    [undefined, {}, 'takes a cache'],
    [{}, {}, 'takes a cache'],
    [createCache(), { backend: 'redis://localhost' }, "such as redis({ url: '…' }), not 'redis://localhost'"],
    [createCache(), { backend: null }, 'not null'],
    [createCache(), { store: reference() }, 'the options { backend }, not store'],
  ])('refuses invalid arguments: %#', (cache, options, message) => {
    const create = () => createTags(cache as Cache, options as object)
    expect(create).toThrow(ConfigurationError)
    expect(create).toThrow(message)
  })
})

describe('a store without tags', () => {
  it.each([
    ['beside the values', {}],
    ['in a store of their own', { backend: reference() }],
  ])('refuses a write with tags kept %s, and deletes tags without effect', async (_, options) => {
    const without = completeBackend({ ...reference(), tags: false })
    const cache = createCache().setup(without)
    const tags = createTags(cache, options)
    await expect(cache.set('a', 1, { tags: ['x'] })).rejects.toThrow(NotSupportedError)
    expect(await tags.delete('x')).toBe(true)
    await cache.set('a', 1)
    expect(await tags.of('a')).toEqual([])
  })
})

describe.each(everyStore)('a key deleted while it is written, with tags in use on $name', ({ create }) => {
  it('is told to have been there if what was written is gone', async () => {
    const cache = createCache().setup(create())
    createTags(cache)
    const [wasThere] = await Promise.all([cache.delete('key'), cache.set('key', 1)])
    expect(await cache.exists('key')).toBe(!wasThere)
    await cache.close()
  })
})
