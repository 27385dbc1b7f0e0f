import { type Cache, CommandError, createCache, LockedError, TtlError, ValueError, WrongTypeError } from '@cashews/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, fakeTime } from './support/helpers.ts'

describe.each(stores)('the commands on $name', ({ create, elapse }) => {
  let cache: Cache
  beforeEach(() => {
    fakeTime()
    cache = createCache().setup(create())
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  describe('the options of a write', () => {
    it.each([
      [60, 'not 60'],
      ['1h', "not '1h'"],
      [null, 'not null'],
      [{ expire: 60 }, 'The options are { ttl, tags, exists }, not expire.'],
    ])('are refused when they are %j, because the value would never expire', async (options, message) => {
      await expect(cache.set('key', 1, options as object)).rejects.toThrow(message)
      expect(await cache.exists('key')).toBe(false)
    })

    it('are checked by every command that writes', async () => {
      const wrong = { exists: true } as object
      const writes = [
        () => cache.setMany({ key: 1 }, wrong),
        () => cache.getOrSet('key', () => 1, wrong),
        () => cache.incr('key', 1, wrong),
        () => cache.setRaw('key', 1, wrong),
      ]
      for (const write of writes) await expect(write()).rejects.toThrow(CommandError)
      expect(await cache.set('key', 1, { ttl: undefined, tags: undefined, exists: undefined })).toBe(true)
    })
  })

  describe('an argument of another type', () => {
    it.each<[what: string, call: () => Promise<unknown>, message: string]>([
      ['a token of locks', () => cache.setLock('key', 5 as never, { ttl: 1 }), 'A token must be text, not 5.'],
      ['no token', () => cache.unlock('key', undefined as never), 'A token must be text, not undefined.'],
      ['a member of sets', () => cache.setAdd('key', ['a', 5 as never]), 'A member must be text, not 5.'],
      ['a member to remove', () => cache.setRemove('key', [null as never]), 'A member must be text, not null.'],
      ['a message', () => cache.ping(5 as never), 'A message must be text, not 5.'],
      ['no function to load with', () => cache.getOrSet('key', undefined as never), 'a function, not undefined.'],
      [
        'no function to lock around',
        () => cache.lock('key', { ttl: 1 }, undefined as never),
        'a function, not undefined.',
      ],
      ['no function to detect in', () => cache.detect(5 as never), 'a function, not 5.'],
      ['no function to disable for', () => cache.disabling(['get'], {} as never), 'a function, not'],
      ['a window of fewer than none', () => cache.sliceIncr('key', { start: 0, end: 1, max: -1 }), 'not -1.'],
      ['a window without end', () => cache.sliceIncr('key', { start: 0, end: Infinity, max: 1 }), 'not [0,Infinity].'],
    ])('is refused before anything is sent: %s', async (_, call, message) => {
      await expect(call()).rejects.toMatchObject({ code: 'CASHEWS_COMMAND', message: expect.stringContaining(message) })
      expect(await cache.exists('key')).toBe(false)
      expect(await cache.isLocked('key')).toBe(false)
    })
  })

  describe('a misspelt option', () => {
    it('is refused by every command', async () => {
      const calls = [
        () => cache.set('key', 1, { ttl: '1h', tag: ['a'] } as object),
        () => cache.setMany({ key: 1 }, { ttl: '1h', tag: ['a'] } as object),
        () => cache.getOrSet('key', () => 1, { ttl: '1h', tag: ['a'] } as object),
        () => cache.incr('key', 1, { ttl: '1h', tag: ['a'] } as object),
        () => cache.setRaw('key', 1, { ttl: '1h', tags: ['a'] } as object),
        () => cache.setLock('key', 'token', { ttl: '1h', waits: 1 } as never),
        () => cache.isLocked('key', { waits: '1h' } as object),
        () => cache.getBits('key', [0], { bits: 4 } as object),
        () => cache.incrBits('key', [0], { size: 4, add: 2 } as object),
        () => cache.sliceIncr('key', { start: 0, end: 1, max: 1, lifetime: 1 } as never),
        () => cache.setAdd('key', ['a'], { expire: 1 } as object),
        () => cache.setPop('key', { size: 1 } as object),
      ]
      for (const call of calls) await expect(call()).rejects.toThrow(/^The options are \{ .+ \}, not \w+\.$/)
      expect(await cache.getKeysCount()).toBe(0)
      expect(await cache.isLocked('key')).toBe(false)
    })
  })

  describe('a list of keys or members', () => {
    it.each([['ab'], [new Set(['a'])], [undefined], [{ 0: 'a', length: 1 }]])(
      'is refused when it is %j',
      async (list) => {
        const several: [name: string, command: () => Promise<unknown>][] = [
          ['keys', () => cache.getMany(list as never)],
          ['keys', () => cache.deleteMany(list as never)],
          ['members', () => cache.setAdd('set', list as never)],
          ['members', () => cache.setRemove('set', list as never)],
          ['indexes', () => cache.getBits('bits', list as never)],
          ['indexes', () => cache.incrBits('bits', list as never)],
          ['commands', () => cache.disabling(list as never, () => 1)],
        ]
        for (const [name, command] of several) await expect(command()).rejects.toThrow(`${name} must be a list, not `)
        expect(await cache.getKeysCount()).toBe(0)
      },
    )
  })

  describe('setMany', () => {
    it.each([[5], [null], ['ab'], [['ab']], [[1]]])('refuses %j as entries', async (entries) => {
      await expect(cache.setMany(entries as never)).rejects.toThrow(
        /^Entries must be an object, a Map or pairs, not .+\.$/,
      )
      expect(await cache.getKeysCount()).toBe(0)
    })
  })

  describe('a wrong option', () => {
    it('is refused by set, whose exists must be true or false', async () => {
      await expect(cache.set('key', 1, { ttl: 1, exists: 'no' as never })).rejects.toThrow(
        "exists must be true or false, not 'no'.",
      )
      expect(await cache.exists('key')).toBe(false)
    })

    it('is refused by scan and getMatch', () => {
      expect(() => cache.scan('*', { batch: 1 } as never)).toThrow('The options are { batchSize }, not batch.')
      expect(() => cache.getMatch('*', { batch: 1 } as never)).toThrow(CommandError)
    })

    it.each([-1, 1.5, Number.NaN])('is refused by setPop, which cannot take %j members', async (count) => {
      await cache.setAdd('set', ['a'])
      await expect(cache.setPop('set', { count })).rejects.toThrow(CommandError)
      expect(await cache.setPop('set')).toEqual(['a'])
    })

    it('is a TtlError when a lock has no ttl', async () => {
      await expect(cache.setLock('lock', 'me', undefined as never)).rejects.toThrow(TtlError)
      await expect(cache.acquireLock('lock', undefined as never)).rejects.toThrow(TtlError)
      await expect(cache.lock('lock', {} as never, () => 1)).rejects.toThrow(TtlError)
    })
  })

  describe('a lone surrogate', () => {
    it('never makes two keys or members the same', async () => {
      const halves = ['\ud800', '\udc00', '\ufffd']
      for (const key of halves) {
        await cache.set(key, key).catch((error) => expect(error).toBeInstanceOf(CommandError))
        await cache.setAdd('set', [key]).catch((error) => expect(error).toBeInstanceOf(CommandError))
      }
      for (const key of halves) {
        const read = await cache.get(key, 'refused').catch(() => 'refused')
        expect([key, 'refused']).toContain(read)
      }
      expect(await cache.get('\ufffd')).toBe('\ufffd')
      const members = await cache.setPop('set')
      expect(members).toContain('\ufffd')
      expect(new Set(members).size).toBe(
        await cache.getMany(halves).then(
          () => 3,
          () => 1,
        ),
      )
    })
  })

  describe('set and get', () => {
    it.each([
      ['text', 'text'],
      ['a number', 1.5],
      ['a bigint', 10n],
      ['bytes', new Uint8Array([49, 48])],
      ['a date', new Date(0)],
      ['a map', new Map([['a', { b: [1] }]])],
      ['plain data', { list: [1, { deep: null }], none: undefined }],
    ])('keep %s as it was', async (_, value) => {
      expect(await cache.set('key', value)).toBe(true)
      expect(await cache.get('key')).toEqual(value)
    })

    it.each([[undefined], [null], [0], [''], [false]])('keep %j', async (value) => {
      await cache.set('key', value)
      expect(await cache.get('key', 'fallback')).toBe(value)
      expect(await cache.exists('key')).toBe(true)
    })

    it('return undefined, or the fallback itself, for an absent key', async () => {
      const fallback = {}
      expect(await cache.get('no')).toBeUndefined()
      expect(await cache.get('no', fallback)).toBe(fallback)
      expect(await cache.get('no', null)).toBeNull()
    })

    it('do not change when what was stored or read is changed', async () => {
      const list = [1, { deep: 1 }]
      await cache.set('key', list)
      list.push(2)
      Object.assign(list[1] as object, { deep: 2 })
      const read = await cache.get<unknown[]>('key')
      expect(read).toEqual([1, { deep: 1 }])
      read?.push(3)
      expect(await cache.get('key')).toEqual([1, { deep: 1 }])
    })

    it('replace the value and the time to live', async () => {
      await cache.set('key', 1, { ttl: '100ms' })
      await cache.set('key', 2)
      expect(await cache.getExpire('key')).toBe(Number.POSITIVE_INFINITY)
      await elapse(150)
      expect(await cache.get('key')).toBe(2)
    })

    it('write only over an existing key with exists: true', async () => {
      expect(await cache.set('key', 1, { exists: true })).toBe(false)
      expect(await cache.get('key')).toBeUndefined()
      await cache.set('key', 1)
      expect(await cache.set('key', 2, { exists: true })).toBe(true)
      expect(await cache.get('key')).toBe(2)
    })

    it('write only an absent key with exists: false', async () => {
      expect(await cache.set('key', 1, { exists: false })).toBe(true)
      expect(await cache.set('key', 2, { exists: false })).toBe(false)
      expect(await cache.get('key')).toBe(1)
    })

    it('treat an expired key as absent', async () => {
      await cache.set('key', 1, { ttl: '100ms' })
      await elapse(150)
      expect(await cache.set('key', 2, { exists: true })).toBe(false)
      expect(await cache.set('key', 3, { exists: false })).toBe(true)
      expect(await cache.getExpire('key')).toBe(Number.POSITIVE_INFINITY)
    })

    it('accept any text as a key, also the empty one', async () => {
      for (const key of ['', ' ', '*', 'ключ', '🔑', 'a\nb', '__proto__']) {
        await cache.set(key, key)
        expect(await cache.get(key)).toBe(key)
      }
      expect(await cache.getKeysCount()).toBe(7)
    })

    it('refuse a key that is not a string', async () => {
      await expect(cache.get(1 as never)).rejects.toThrow('A key must be text, not 1.')
      await expect(cache.set(undefined as never, 1)).rejects.toMatchObject({ code: 'CASHEWS_COMMAND' })
    })
  })

  describe('getOrSet', () => {
    it('stores the result of a synchronous function', async () => {
      expect(await cache.getOrSet('key', () => 10)).toBe(10)
      expect(await cache.get('key')).toBe(10)
    })

    it('stores the result of an asynchronous function for the ttl', async () => {
      expect(await cache.getOrSet('key', async () => 10, { ttl: '100ms' })).toBe(10)
      expect(await cache.getExpire('key')).toBe(0.1)
    })

    it('returns what is stored without calling the function', async () => {
      await cache.set('key', 1)
      const load = vi.fn(() => 2)
      expect(await cache.getOrSet('key', load)).toBe(1)
      expect(load).not.toHaveBeenCalled()
    })

    it('returns a stored undefined without calling the function', async () => {
      await cache.getOrSet('key', () => undefined)
      expect(await cache.getOrSet('key', () => 2)).toBeUndefined()
    })

    it('returns a result that cannot be stored to all who wait, and reports why', async () => {
      const onError = vi.fn()
      const told = createCache({ onError }).setup(create())
      const load = vi.fn(async () => ({ stream: Promise.resolve() }))
      const answers = await Promise.all([told.getOrSet('key', load), told.getOrSet('key', load)])
      expect(answers).toEqual([await load.mock.results[0]?.value, await load.mock.results[0]?.value])
      expect(load).toHaveBeenCalledOnce()
      expect(onError).toHaveBeenCalledExactlyOnceWith(expect.any(ValueError))
      await told.close()
    })
  })

  describe('many keys', () => {
    it('are returned in the order asked, with the fallback for absent keys, and twice if asked twice', async () => {
      await cache.setMany({ a: 1, b: undefined })
      expect(await cache.getMany(['b', 'no', 'a', 'b'], 'none')).toEqual([undefined, 'none', 1, undefined])
      expect(await cache.getMany(['no', 'a'])).toEqual([undefined, 1])
      expect(await cache.getMany([])).toEqual([])
    })

    it('are written from an object, a Map or pairs, with one time to live', async () => {
      await cache.setMany({ a: 1 }, { ttl: '100ms' })
      await cache.setMany(new Map([['b', 2]]), { ttl: '100ms' })
      await cache.setMany([['c', 3]], { ttl: 10 })
      expect(await cache.getMany(['a', 'b', 'c'])).toEqual([1, 2, 3])
      await elapse(150)
      expect(await cache.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, 3])
    })

    it('are returned in their places when one of them holds another type', async () => {
      await cache.set('a', 1)
      await cache.incr('counter')
      await cache.incrBits('bits', [0])
      expect(await cache.getMany(['a', 'bits', 'counter'])).toEqual([1, undefined, 1])
    })

    it('are deleted together, and their number is returned', async () => {
      await cache.setMany({ a: 1, b: 2, c: 3 })
      expect(await cache.deleteMany(['a', 'b', 'no'])).toBe(2)
      expect(await cache.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, 3])
    })
  })

  describe('incr', () => {
    it('counts from 0, by one or by any whole number, and get reads the counter', async () => {
      expect(await cache.incr('key')).toBe(1)
      expect(await cache.incr('key')).toBe(2)
      expect(await cache.incr('key', 5)).toBe(7)
      expect(await cache.incr('key', -10)).toBe(-3)
      expect(await cache.get('key')).toBe(-3)
    })

    it('gives a new counter its ttl, which later calls do not change', async () => {
      await cache.incr('key', 5, { ttl: '10s' })
      await cache.incr('key', 1, { ttl: '100s' })
      await cache.incr('key')
      expect(await cache.getExpire('key')).toBe(10)
    })

    it('starts from 0 when the counter has expired', async () => {
      await cache.incr('key', 5, { ttl: '100ms' })
      await elapse(150)
      expect(await cache.incr('key')).toBe(1)
    })

    it('refuses a value that is not a whole number, and does not change it', async () => {
      await cache.set('key', 'text')
      await expect(cache.incr('key')).rejects.toThrow(WrongTypeError)
      expect(await cache.get('key')).toBe('text')
      await expect(cache.incr('key', 0.5)).rejects.toThrow('by whole numbers, not 0.5.')
    })
  })

  describe('time', () => {
    it('is returned in seconds: undefined for no key, Infinity for no expiry', async () => {
      expect(await cache.getExpire('key')).toBeUndefined()
      await cache.set('key', 1)
      expect(await cache.getExpire('key')).toBe(Number.POSITIVE_INFINITY)
      expect(await cache.expire('key', 1)).toBe(true)
      expect(await cache.getExpire('key')).toBe(1)
    })

    it('expires a key on the millisecond', async () => {
      await cache.set('key', 1, { ttl: '100ms' })
      await elapse(99)
      expect(await cache.get('key')).toBe(1)
      await elapse(1)
      expect(await cache.get('key')).toBeUndefined()
      expect(await cache.exists('key')).toBe(false)
      expect(await cache.delete('key')).toBe(false)
    })

    it('is not given to an absent key', async () => {
      expect(await cache.expire('key', 1)).toBe(false)
      expect(await cache.exists('key')).toBe(false)
    })

    it('can be removed with Infinity', async () => {
      await cache.set('key', 1, { ttl: 1 })
      await cache.expire('key', Number.POSITIVE_INFINITY)
      await elapse(1_500)
      expect(await cache.get('key')).toBe(1)
    })
  })

  describe('delete, exists, clear and counts', () => {
    it('tell whether the key existed', async () => {
      expect(await cache.exists('key')).toBe(false)
      await cache.set('key', 1)
      expect(await cache.exists('key')).toBe(true)
      expect(await cache.delete('key')).toBe(true)
      expect(await cache.delete('key')).toBe(false)
    })

    it('count the keys that exist, and clear them all', async () => {
      expect(await cache.getKeysCount()).toBe(0)
      await cache.set('a', 1)
      await cache.set('b', 1, { ttl: '100ms' })
      expect(await cache.getKeysCount()).toBe(2)
      await elapse(150)
      expect(await cache.getKeysCount()).toBe(1)
      await cache.clear()
      expect(await cache.getKeysCount()).toBe(0)
    })

    it('tell the approximate size of a key', async () => {
      expect(await cache.getSize('key')).toBe(0)
      await cache.set('key', 'x'.repeat(1_000))
      expect(await cache.getSize('key')).toBeGreaterThanOrEqual(1_000)
      expect(await cache.getSize('key')).toBeLessThan(10_000)
    })
  })

  describe('patterns', () => {
    beforeEach(() =>
      cache.setMany({ 'pref:1:test': 1, 'pref:2:test': 2, 'pref:test': 3, 'pref:1:test:more': 4, 'x:pref:1:test': 5 }),
    )

    it('match whole keys', async () => {
      expect((await all(cache.scan('pref:*:test'))).sort()).toEqual(['pref:1:test', 'pref:2:test'])
      expect((await all(cache.scan('pref:?:test'))).sort()).toEqual(['pref:1:test', 'pref:2:test'])
      expect(await all(cache.scan('pref:[^1]:test'))).toEqual(['pref:2:test'])
      expect(await all(cache.scan('pref'))).toEqual([])
      expect(await all(cache.scan('*', { batchSize: 2 }))).toHaveLength(5)
    })

    it('match escaped wildcards, dots and parentheses literally', async () => {
      await cache.setMany({ 'a*b': 1, axb: 2, 'a.b': 3, 'a(b': 4 })
      expect(await all(cache.scan('a\\*b'))).toEqual(['a*b'])
      expect(await all(cache.scan('a.b'))).toEqual(['a.b'])
      expect(await all(cache.scan('a(*'))).toEqual(['a(b'])
    })

    it('yield pairs, without keys of other types', async () => {
      await cache.incrBits('pref:bits:test', [1])
      const pairs = await all(cache.getMatch('pref:*:test', { batchSize: 1 }))
      expect(Object.fromEntries(pairs)).toEqual({ 'pref:1:test': 1, 'pref:2:test': 2 })
      expect(await all(cache.getMatch('nothing:*'))).toEqual([])
    })

    it('delete exactly what matches', async () => {
      expect(await cache.deleteMatch('pref:*:test')).toBe(2)
      expect((await all(cache.scan('*'))).sort()).toEqual(['pref:1:test:more', 'pref:test', 'x:pref:1:test'])
    })

    it('can be abandoned early', async () => {
      for await (const key of cache.scan('pref:*')) {
        expect(key).toContain('pref')
        break
      }
    })

    it('refuse a batch size of 0', () => {
      expect(() => cache.scan('*', { batchSize: 0 })).toThrow(CommandError)
      expect(() => cache.getMatch('*', { batchSize: 1.5 })).toThrow('not 1.5.')
    })
  })

  describe('ping', () => {
    it('returns the message', async () => {
      expect(await cache.ping()).toBe('PONG')
      expect(await cache.ping('hi')).toBe('hi')
    })
  })

  describe('raw', () => {
    it('reads what setRaw has written', async () => {
      expect(await cache.getRaw('key')).toBeUndefined()
      expect(await cache.setRaw('key', 'raw', { ttl: '100ms' })).toBe(true)
      expect(String(await cache.getRaw('key'))).toBe('raw')
      await elapse(150)
      expect(await cache.getRaw('key')).toBeUndefined()
    })
  })

  describe('bits', () => {
    it('are 0 by default', async () => {
      expect(await cache.getBits('bits', [0, 1, 3_000])).toEqual([0, 0, 0])
      expect(await cache.getBits('bits', [1, 2], { size: 15 })).toEqual([0, 0])
      expect(await cache.exists('bits')).toBe(false)
    })

    it('are set one by one', async () => {
      expect(await cache.incrBits('bits', [0, 3, 9])).toEqual([1, 1, 1])
      expect(await cache.getBits('bits', [0, 1, 2, 3, 9])).toEqual([1, 0, 0, 1, 1])
    })

    it('are counters of any size, which saturate at both ends', async () => {
      expect(await cache.incrBits('bits', [0, 1, 3], { size: 5, by: 3 })).toEqual([3, 3, 3])
      expect(await cache.incrBits('bits', [0, 1], { size: 5, by: 30 })).toEqual([31, 31])
      expect(await cache.incrBits('bits', [0, 3], { size: 5, by: -100 })).toEqual([0, 0])
      expect(await cache.getBits('bits', [0, 1, 2, 3], { size: 5 })).toEqual([0, 31, 0, 0])
    })

    it('are not changed when no index is given', async () => {
      expect(await cache.incrBits('bits', [])).toEqual([])
      expect(await cache.exists('bits')).toBe(false)
    })

    it('refuse invalid indexes and sizes', async () => {
      await expect(cache.getBits('bits', [-1])).rejects.toMatchObject({ code: 'CASHEWS_COMMAND' })
      await expect(cache.getBits('bits', [0, undefined as never])).rejects.toMatchObject({ code: 'CASHEWS_COMMAND' })
      await expect(cache.getBits('bits', [0], { size: 33 })).rejects.toThrow('A field has 1 to 32 bits, not 33.')
      await expect(cache.getBits('bits', [2 ** 32])).rejects.toThrow('Field 4294967296 of 1 bits lies outside')
      await expect(cache.incrBits('bits', [0], { by: 0.5 })).rejects.toMatchObject({ code: 'CASHEWS_COMMAND' })
    })
  })

  describe('sliceIncr', () => {
    it('counts the events in the window, up to the maximum', async () => {
      const count = (end: number) => cache.sliceIncr('window', { start: end - 10, end, max: 3, ttl: 60 })
      expect([await count(1), await count(1), await count(5), await count(6)]).toEqual([1, 2, 3, 3])
      expect(await count(12)).toBe(2)
      await expect(cache.sliceIncr('window', { start: 2, end: 1, max: 1 })).rejects.toThrow(
        'A window must start before it ends',
      )
    })
  })

  describe('sets', () => {
    it('count added and removed members, and pop members', async () => {
      expect(await cache.setAdd('set', ['a', 'b'])).toBe(2)
      expect(await cache.setAdd('set', ['b', 'c'], { ttl: '10s' })).toBe(1)
      expect(await cache.getExpire('set')).toBe(10)
      expect(await cache.setRemove('set', ['a', 'x'])).toBe(1)
      expect((await cache.setPop('set', { count: 10 })).sort()).toEqual(['b', 'c'])
      expect(await cache.exists('set')).toBe(false)
      expect(await cache.setPop('set')).toEqual([])
    })
  })

  describe('locks', () => {
    it('belong to the token that took them', async () => {
      expect(await cache.setLock('lock', 'mine', { ttl: 10 })).toBe(true)
      expect(await cache.setLock('lock', 'yours', { ttl: 10 })).toBe(false)
      expect(await cache.isLocked('lock')).toBe(true)
      expect(await cache.unlock('lock', 'yours')).toBe(false)
      expect(await cache.isLocked('lock')).toBe(true)
      expect(await cache.unlock('lock', 'mine')).toBe(true)
      expect(await cache.isLocked('lock')).toBe(false)
    })

    it('end with their ttl', async () => {
      await cache.setLock('lock', 'mine', { ttl: '100ms' })
      await elapse(150)
      expect(await cache.isLocked('lock')).toBe(false)
      expect(await cache.setLock('lock', 'yours', { ttl: 10 })).toBe(true)
    })

    it('are held while the function runs', async () => {
      await cache.lock('job', { ttl: 10 }, async () => {
        expect(await cache.isLocked('job')).toBe(true)
        await expect(cache.lock('job', { ttl: 10, wait: false }, () => 1)).rejects.toThrow(LockedError)
      })
      expect(await cache.isLocked('job')).toBe(false)
    })

    it('are not keys', async () => {
      await cache.setLock('key', 'token', { ttl: 10 })
      expect(await cache.get('key')).toBeUndefined()
      expect(await all(cache.scan('*'))).toEqual([])
      expect(await cache.getKeysCount()).toBe(0)
      await cache.clear()
      await cache.deleteMatch('*')
      expect(await cache.isLocked('key')).toBe(true)
    })
  })
})
