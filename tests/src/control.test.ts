import { type Cache, COMMANDS, type Command, createCache, MISS } from '@cashews/core'
import { cached, slidingRateLimit } from '@cashews/strategies'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { all, gate, recorder, run } from './support/helpers.ts'

/** The result of each command while it is disabled: as if the cache were empty, and refused writes. */
const NEUTRAL: Record<Command, unknown> = {
  get: undefined,
  getMany: [undefined],
  getMatch: [],
  getRaw: undefined,
  set: false,
  setMany: undefined,
  setRaw: false,
  delete: false,
  deleteMany: 0,
  deleteMatch: 0,
  exists: false,
  scan: [],
  incr: 0,
  expire: false,
  getExpire: undefined,
  clear: undefined,
  ping: 'PONG',
  getSize: 0,
  getKeysCount: 0,
  setLock: false,
  unlock: false,
  isLocked: false,
  getBits: [0],
  incrBits: [0],
  sliceIncr: 0,
  setAdd: 0,
  setRemove: 0,
  setPop: [],
  deleteTags: [false],
  expireTags: [false],
  getTags: MISS,
}

describe.each(stores)('switching commands off on $name', ({ create }) => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(create())
  })

  describe('disable and enable', () => {
    it.each(COMMANDS)('make %s neutral, and no other command', async (command) => {
      const seen = recorder()
      cache.use(seen)
      cache.disable(command)
      expect(await run(cache, command)).toEqual(NEUTRAL[command])
      expect(seen.calls).toEqual([])
      for (const other of COMMANDS) expect(cache.isEnabled(other)).toBe(other !== command)
      cache.enable(command)
      await run(cache, command)
      expect(seen.commands).toEqual([command])
    })

    it('do not change what is stored', async () => {
      await cache.incr('counter')
      cache.disable('incr')
      expect(await cache.incr('counter')).toBe(0)
      expect(await cache.get('counter')).toBe(1)
      cache.enable('incr')
      expect(await cache.incr('counter')).toBe(2)
    })

    it('let limits pass and locks be granted while they cannot be checked', async () => {
      cache.disable('sliceIncr', 'setLock', 'unlock')
      const limited = slidingRateLimit(cache, { limit: 1, period: '1m', key: 'k' }, async () => 'passed')
      expect([await limited(), await limited()]).toEqual(['passed', 'passed'])
      const inside = () => cache.lock('job', { ttl: 10, wait: false }, async () => 'inside')
      expect(await cache.lock('job', { ttl: 10, wait: false }, inside)).toBe('inside')
    })

    it('apply to all commands when none is named', async () => {
      await cache.set('key', 1)
      cache.disable()
      expect(cache.isEnabled()).toBe(false)
      expect(await cache.get('key', 'fallback')).toBe('fallback')
      expect(await cache.getMany(['key'], 'fallback')).toEqual(['fallback'])
      cache.enable()
      expect(cache.isEnabled()).toBe(true)
      expect(await cache.get('key')).toBe(1)
    })

    it('apply to several commands at once', () => {
      cache.disable('incr', 'set')
      expect(cache.isEnabled('get')).toBe(true)
      expect(cache.isEnabled('get', 'incr')).toBe(false)
      expect(cache.isEnabled('incr', 'set')).toBe(false)
      expect(cache.isEnabled()).toBe(false)
    })

    it('find what was stored before when only get is enabled again', async () => {
      const load = vi.fn(async () => 'new')
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, load)
      await cache.set('k', 'old')
      cache.disable()
      expect(await wrapped()).toBe('new')
      cache.enable('get')
      expect(await wrapped()).toBe('old')
    })

    it('refuse an unknown command, and name the known ones', () => {
      expect(() => cache.disable('git' as Command)).toThrow(/'git'.*getMany/)
      expect(() => cache.isEnabled('git' as Command)).toThrow(
        expect.objectContaining({ code: 'CASHEWS_CONFIGURATION' }),
      )
    })

    it.each([[undefined], [null], [5], [[]], [['get']]])('refuse %j, and disable nothing', async (wrong) => {
      expect(() => cache.disable(wrong as never)).toThrow('There is no command')
      expect(cache.isEnabled()).toBe(true)
    })

    it('refuse an unknown prefix and an unknown option', () => {
      cache.setup(create(), { prefix: 'user:' })
      for (const change of ['disable', 'enable', 'isEnabled'] as const)
        expect(() => cache[change]('get', { prefix: 'usr:' })).toThrow(
          'No backend is set up for the prefix \'usr:\'. There are backends for "user:", "".',
        )
      for (const change of ['disable', 'enable', 'isEnabled'] as const)
        expect(() => cache[change]({} as never)).toThrow('No backend is set up for the prefix undefined.')
      expect(cache.isEnabled()).toBe(true)
      expect(() => cache.disable('get', { prefx: 'user:' } as never)).toThrow('the options { prefix }, not prefx.')
    })

    it('may be limited to the backend of one prefix', async () => {
      cache.setup(create(), { prefix: 'user:' })
      cache.disable('get', { prefix: 'user:' })
      await cache.setMany({ 'user:1': 1, other: 2 })
      expect(await cache.getMany(['user:1', 'other'])).toEqual([1, 2])
      expect(await cache.get('user:1')).toBeUndefined()
      expect(await cache.get('other')).toBe(2)
      expect(cache.isEnabled('get', { prefix: 'user:' })).toBe(false)
      expect(cache.isEnabled('get', { prefix: '' })).toBe(true)
      expect(cache.isEnabled('get')).toBe(false)
      cache.enable({ prefix: 'user:' })
      expect(cache.isEnabled()).toBe(true)
    })

    it('apply to all callers, in whatever context they were called', async () => {
      await Promise.resolve().then(() => cache.disable('get'))
      expect(cache.isEnabled('get')).toBe(false)
      await new Promise<void>((resolve) => {
        setTimeout(() => {
          cache.enable('get')
          resolve()
        })
      })
      expect(cache.isEnabled('get')).toBe(true)
    })

    it('are refused by a cache without a backend', async () => {
      const bare = createCache()
      for (const control of ['disable', 'enable', 'isEnabled'] as const)
        expect(() => bare[control]('get')).toThrow('has no backend. Call setup() first')
      expect(await bare.disabling(['get'], () => 'fine')).toBe('fine')
    })
  })

  describe('a backend set up as disabled', () => {
    it('answers neutrally until it is enabled, without effect on the others', async () => {
      cache.setup(create(), { prefix: 'user:', enabled: false })
      await cache.setMany({ 'user:1': 1, other: 2 })
      expect(await cache.getMany(['user:1', 'other'])).toEqual([undefined, 2])
      cache.enable({ prefix: 'user:' })
      await cache.set('user:1', 1)
      expect(await cache.get('user:1')).toBe(1)
    })

    it('is never opened', async () => {
      const off = createCache().setup(create(), { enabled: false })
      await off.get('key')
      await off.set('key', 1)
      expect(off.isInit).toBe(false)
    })
  })

  describe('disabling', () => {
    it('disables commands inside the function only', async () => {
      await cache.set('key', 1)
      const inside = await cache.disabling(['get'], async () => [await cache.get('key'), cache.isEnabled('get')])
      expect(inside).toEqual([undefined, false])
      expect(await cache.get('key')).toBe(1)
    })

    it('disables nothing for an empty list', async () => {
      expect(await cache.disabling([], () => cache.set('key', 1))).toBe(true)
    })

    it('disables all commands by default', async () => {
      await cache.disabling(COMMANDS, async () => {
        expect(await cache.set('key', 1)).toBe(false)
        expect(await all(cache.scan('*'))).toEqual([])
      })
      expect(await cache.exists('key')).toBe(false)
    })

    it('can be nested, and restores the state before it', async () => {
      cache.disable('incr')
      await cache.disabling(['get'], async () => {
        await cache.disabling(['get', 'set'], () => expect(cache.isEnabled('set')).toBe(false))
        expect(cache.isEnabled('set')).toBe(true)
        expect(cache.isEnabled('get')).toBe(false)
      })
      expect(cache.isEnabled('get')).toBe(true)
      expect(cache.isEnabled('incr')).toBe(false)
    })

    it('restores after a failure', async () => {
      await expect(cache.disabling(['get'], () => Promise.reject(new Error('no')))).rejects.toThrow('no')
      await expect(
        cache.disabling(['get'], () => {
          throw new Error('at once')
        }),
      ).rejects.toThrow('at once')
      expect(cache.isEnabled('get')).toBe(true)
    })

    it('does not affect concurrent calls', async () => {
      await cache.set('key', 1)
      const opened = gate()
      const inside = cache.disabling(['get'], async () => {
        await opened.promise
        return cache.get('key')
      })
      expect(await cache.get('key')).toBe(1)
      expect(cache.isEnabled('get')).toBe(true)
      opened.open()
      expect(await inside).toBeUndefined()
    })

    it('does not affect other caches', async () => {
      const other = createCache().setup(create())
      await other.set('key', 1)
      expect(await cache.disabling(COMMANDS, () => other.get('key'))).toBe(1)
    })

    it('affects everything that is started inside, however deep', async () => {
      await cache.set('key', 1)
      const deep = async () => {
        await Promise.resolve()
        return Promise.all([cache.get('key'), cache.getMany(['key'])])
      }
      expect(await cache.disabling(['get'], deep)).toEqual([undefined, [1]])
    })

    it('refuses an unknown command', async () => {
      await expect(cache.disabling(['git' as Command], () => 1)).rejects.toThrow("'git'")
    })
  })

  describe('a cached function', () => {
    it('runs each time and stores nothing while everything is disabled', async () => {
      const load = vi.fn(async () => 1)
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, load)
      await cache.disabling(COMMANDS, async () => {
        await wrapped()
        await wrapped()
      })
      cache.disable()
      await wrapped()
      expect(load).toHaveBeenCalledTimes(3)
      cache.enable()
      expect(await cache.exists('k')).toBe(false)
      await wrapped()
      await wrapped()
      expect(load).toHaveBeenCalledTimes(4)
    })

    it('runs for each of several concurrent callers while everything is disabled', async () => {
      const load = vi.fn(async () => 1)
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, load)
      cache.disable()
      await Promise.all([wrapped(), wrapped()])
      expect(load).toHaveBeenCalledTimes(2)
    })

    it('runs each time and stores its result while get is disabled', async () => {
      let version = 0
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => ++version)
      cache.disable('get')
      await wrapped()
      expect(await wrapped()).toBe(2)
      cache.enable('get')
      expect(await wrapped()).toBe(2)
    })

    it('stores nothing while set is disabled, and returns what is stored', async () => {
      let version = 0
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => ++version)
      cache.disable('set')
      await wrapped()
      expect(await wrapped()).toBe(2)
      cache.enable('set')
      expect(await wrapped()).toBe(3)
      cache.disable('set')
      expect(await wrapped()).toBe(3)
    })

    it('does not join the load of a caller for whom get is enabled', async () => {
      await cache.set('k', 'old')
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => 'new')
      await cache.init()
      const reading = wrapped()
      const without = cache.disabling(['get'], () => wrapped())
      expect(await Promise.all([reading, without])).toEqual(['old', 'new'])
    })

    it('is stored for a caller with writes, even if a caller without writes started the load', async () => {
      const opened = gate()
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => {
        await opened.promise
        return 'value'
      })
      const without = cache.disabling(['set'], () => wrapped())
      const withWrites = wrapped()
      opened.open()
      expect(await Promise.all([without, withWrites])).toEqual(['value', 'value'])
      expect(await cache.get('k')).toBe('value')
    })
  })
})
