import { type Cache, createCache, KeyTemplateError, type Ttl } from '@cashews/core'
import { registerType } from '@cashews/serialization'
import { cached, notNull, onlyErrors, withErrors } from '@cashews/strategies'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { fakeTime, settle } from './support/helpers.ts'

class Refused extends Error {}
registerType(Refused, { id: 'Refused', encode: ({ message }) => message, decode: (message) => new Refused(message) })

describe.each(stores)('cached on $name', ({ create, elapse }) => {
  let cache: Cache
  const onError = vi.fn()
  beforeEach(() => {
    fakeTime()
    onError.mockReset()
    cache = createCache({ onError }).setup(create())
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  /** A function that returns how often it has run. */
  const counter = () => {
    let runs = 0
    return async (..._args: unknown[]) => ++runs
  }

  describe('the time to live', () => {
    it('is how long a result is kept', async () => {
      const load = cached(cache, { ttl: '100ms', key: 'k' }, counter())
      expect([await load(), await load()]).toEqual([1, 1])
      await elapse(99)
      expect(await load()).toBe(1)
      await elapse(1)
      expect(await load()).toBe(2)
    })

    it('may be Infinity', async () => {
      const load = cached(cache, { ttl: Number.POSITIVE_INFINITY, key: 'k' }, counter())
      await load()
      expect(await cache.getExpire('k')).toBe(Number.POSITIVE_INFINITY)
    })

    it('may depend on the call', async () => {
      const load = cached(
        cache,
        { ttl: (id: string) => (id === 'short' ? '100ms' : '10s'), key: 'k:{0}' },
        async (id: string) => id,
      )
      await Promise.all([load('short'), load('long')])
      expect(await cache.getExpire('k:short')).toBe(0.1)
      expect(await cache.getExpire('k:long')).toBe(10)
    })

    it('may depend on the result alone', async () => {
      const load = cached(
        cache,
        {
          ttl: 1,
          ttlFromResult: (result: { seconds: number }, id: string) => result.seconds + id.length,
          key: 'k:{0}',
        },
        async (_id: string) => ({ seconds: 10 }),
      )
      await load('abc')
      expect(await cache.getExpire('k:abc')).toBe(13)
    })

    it.each<[string, () => Ttl]>([
      [
        'throws',
        () => {
          throw new Error('my mistake')
        },
      ],
      ['answers nonsense', () => 'soon' as never],
    ])('whose function %s is reported, and the caller gets the result', async (_, ttl) => {
      const load = cached(cache, { ttl, key: 'k' }, counter())
      expect(await load()).toBe(1)
      expect(onError).toHaveBeenCalledTimes(1)
      expect(await cache.exists('k')).toBe(false)
    })
  })

  describe('a result', () => {
    it.each([[undefined], [null], [0], [''], [false]])('of %j is stored like any other', async (value) => {
      const load = vi.fn(async () => value)
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, load)
      expect([await wrapped(), await wrapped()]).toEqual([value, value])
      expect(load).toHaveBeenCalledTimes(1)
    })

    it('of a synchronous function is awaited', async () => {
      const load = vi.fn((a: number, b: number) => a + b)
      const wrapped = cached(cache, { ttl: 10, key: '{0}+{1}' }, load)
      expect([await wrapped(1, 2), await wrapped(1, 2)]).toEqual([3, 3])
      expect(load).toHaveBeenCalledTimes(1)
    })

    it('can be changed by the caller without changing the cache', async () => {
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => ({ list: [1] }))
      ;(await wrapped()).list.push(2)
      ;(await wrapped()).list.push(3)
      expect(await wrapped()).toEqual({ list: [1] })
    })

    it('that the store cannot keep is returned, and reported', async () => {
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => () => 'a function')
      expect((await wrapped())()).toBe('a function')
      expect(onError).toHaveBeenCalledTimes(1)
    })
  })

  describe('condition', () => {
    it('notNull leaves out undefined and null, and nothing else', async () => {
      const values = [undefined, null, 0]
      const load = vi.fn(async () => values.shift())
      const wrapped = cached(cache, { ttl: 10, key: 'k', condition: notNull }, load)
      expect([await wrapped(), await wrapped(), await wrapped(), await wrapped()]).toEqual([undefined, null, 0, 0])
    })

    it('receives the result, the arguments and the key', async () => {
      const condition = vi.fn(
        (result: number, { args }: { args: readonly unknown[] }) => result > 1 && args.length === 1,
      )
      const wrapped = cached(cache, { ttl: 10, key: 'k:{0}', condition }, counter())
      expect([await wrapped('a'), await wrapped('a'), await wrapped('a')]).toEqual([1, 2, 2])
      expect(condition).toHaveBeenNthCalledWith(1, 1, { args: ['a'], key: 'k:a' })
    })

    it('that throws is reported, and the caller gets the result', async () => {
      const condition = () => {
        throw new Error('my mistake')
      }
      const wrapped = cached(cache, { ttl: 10, key: 'k', condition }, counter())
      expect([await wrapped(), await wrapped()]).toEqual([1, 2])
      expect(onError.mock.calls.map(([error]) => error.message)).toEqual(['my mistake', 'my mistake'])
    })

    it('timeCondition leaves out quick runs, in addition to the condition', async () => {
      const wrapped = cached(
        cache,
        { ttl: 10, key: 'k:{0:raw}', timeCondition: '50ms', condition: notNull },
        async (took: number, result: unknown = took) => {
          await elapse(took)
          return result
        },
      )
      await wrapped(10)
      await wrapped(60)
      await wrapped(70, null)
      expect(await Promise.all(['k:10', 'k:60', 'k:70'].map((key) => cache.exists(key)))).toEqual([false, true, false])
    })
  })

  describe('an asynchronous condition', () => {
    it('decides when it resolves', async () => {
      const load = vi.fn(async (id: number) => id)
      const options = { ttl: 10, key: 'k:{0}', condition: async (id: number) => id === 1 } as const
      const wrapped = cached(cache, options, load)
      for (const id of [1, 1, 2, 2]) await wrapped(id)
      expect(load.mock.calls.map(([id]) => id)).toEqual([1, 2, 2])
    })

    it('that rejects is reported, and the caller gets the result', async () => {
      const onError = vi.fn()
      await using reporting = createCache({ onError }).setup(create())
      const condition = () => Promise.reject(new Error('cannot tell'))
      const wrapped = cached(reporting, { ttl: 10, key: 'k', condition }, async () => 1)
      expect(await wrapped()).toBe(1)
      expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'cannot tell' }))
    })
  })

  describe('an error', () => {
    it('is not stored', async () => {
      const load = vi.fn().mockRejectedValueOnce(new Error('once')).mockResolvedValue('fine')
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, load as () => Promise<string>)
      await expect(wrapped()).rejects.toThrow('once')
      expect(await wrapped()).toBe('fine')
    })

    it('is stored with withErrors, if it is of the types named; results are too', async () => {
      const load = vi.fn(async (what: string) => {
        if (what === 'refused') throw new Refused('no')
        if (what === 'broken') throw new TypeError('broken')
        return what
      })
      const wrapped = cached(cache, { ttl: 10, key: 'k:{0}', condition: withErrors(Refused) }, load)
      for (const what of ['refused', 'refused', 'broken', 'broken', 'fine', 'fine']) await wrapped(what).catch(() => {})
      expect(load.mock.calls.map(([what]) => what)).toEqual(['refused', 'broken', 'broken', 'fine'])
      await expect(wrapped('refused')).rejects.toThrow('no')
      expect(await wrapped('fine')).toBe('fine')
    })

    it('comes back from the store as the error it was', async () => {
      const wrapped = cached(cache, { ttl: 10, key: 'k', condition: withErrors() }, () =>
        Promise.reject(new TypeError('no')),
      )
      await wrapped().catch(() => {})
      await expect(wrapped()).rejects.toThrow(TypeError)
      await expect(wrapped.peek()).rejects.toThrow('no')
    })

    it('is the only thing that is stored with onlyErrors', async () => {
      const load = vi.fn(async (what: string) => {
        if (what === 'refused') throw new Refused('no')
        return what
      })
      const wrapped = cached(cache, { ttl: 10, key: 'k:{0}', condition: onlyErrors() }, load)
      for (const what of ['refused', 'refused', 'fine', 'fine']) await wrapped(what).catch(() => {})
      expect(load.mock.calls.map(([what]) => what)).toEqual(['refused', 'fine', 'fine'])
    })

    it('is stored for the time to live', async () => {
      const load = vi.fn(() => Promise.reject(new Error('no')))
      const wrapped = cached(cache, { ttl: '100ms', key: 'k', condition: withErrors() }, load)
      await wrapped().catch(() => {})
      await elapse(150)
      await wrapped().catch(() => {})
      expect(load).toHaveBeenCalledTimes(2)
    })
  })

  describe('the handle', () => {
    const define = () => {
      let version = 0
      return cached(cache, { ttl: 10, key: 'user:{id}' }, async function getUser(id: string) {
        return `${id} ${++version}`
      })
    }

    it('has the name, the length, the key and the template', () => {
      const wrapped = define()
      expect(wrapped.name).toBe('getUser')
      expect(wrapped.length).toBe(1)
      expect(wrapped.key('1')).toBe('user:1')
      expect(wrapped.template).toBe('user:{id}')
    })

    it('puts a prefix before the key', () => {
      expect(cached(cache, { ttl: 1, key: 'a:{0}', prefix: 'app' }, async (id: string) => id).key('1')).toBe('app:a:1')
    })

    it('peeks without running the function', async () => {
      const wrapped = define()
      expect(await wrapped.peek('1')).toBeUndefined()
      await wrapped('1')
      expect(await wrapped.peek('1')).toBe('1 1')
    })

    it('runs the function on refresh even if a result is stored', async () => {
      const wrapped = define()
      await wrapped('1')
      expect(await wrapped.refresh('1')).toBe('1 2')
      expect(await wrapped('1')).toBe('1 2')
    })

    it('invalidates the result of one call', async () => {
      const wrapped = define()
      await wrapped('1')
      await wrapped('2')
      expect(await wrapped.invalidate('1')).toBe(true)
      expect(await wrapped.invalidate('1')).toBe(false)
      expect([await wrapped('1'), await wrapped('2')]).toEqual(['1 3', '2 2'])
    })

    it('keeps the stored result when a refresh fails', async () => {
      const load = vi.fn().mockResolvedValueOnce('value').mockRejectedValue(new Error('no'))
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, load as () => Promise<string>)
      await wrapped()
      await expect(wrapped.refresh()).rejects.toThrow('no')
      expect(await wrapped()).toBe('value')
    })
  })

  describe('keys', () => {
    it('may be a function', async () => {
      const wrapped = cached(
        cache,
        { ttl: 10, key: (user: { id: number }) => `u:${user.id}` },
        async (user: { id: number }) => user.id,
      )
      await wrapped({ id: 1 })
      expect(await cache.get('u:1')).toBe(1)
    })

    it('are derived from the name and the parameters by default', async () => {
      const wrapped = cached(cache, { ttl: 10 }, async function getName(user: string, version = 'v1') {
        return user + version
      })
      expect(wrapped.template).toBe('getName:user:{user}:version:{version}')
      expect(wrapped.key('me')).toBe(wrapped.key('me', 'v1'))
      expect(wrapped.key('me', 'v2')).not.toBe(wrapped.key('me'))
    })

    it('are different for different calls', async () => {
      const wrapped = cached(cache, { ttl: 10, key: 'k:{0}:{1}' }, async (a: string, b: string) => [a, b])
      expect(await wrapped('a:b', 'c')).toEqual(['a:b', 'c'])
      expect(await wrapped('a', 'b:c')).toEqual(['a', 'b:c'])
    })

    it('that cannot be made reject the call, and do not end the process', async () => {
      const wrapped = cached(cache, { ttl: 10, key: 'k:{0}' }, async (value: unknown) => value)
      await expect(wrapped(new (class Thing {})())).rejects.toThrow(KeyTemplateError)
      const failing = cached(
        cache,
        {
          ttl: 10,
          key: () => {
            throw new Error('my mistake')
          },
        },
        async () => 1,
      )
      await expect(failing()).rejects.toThrow('my mistake')
    })

    it('of two functions that derive the same template are an error', () => {
      const one = () =>
        async function same(id: string) {
          return id
        }
      cached(cache, { ttl: 10 }, one())
      expect(() => cached(cache, { ttl: 10 }, one())).toThrow(/"same:id:\{id\}".*"name".*"key"/)
      expect(() => cached(cache, { ttl: 10, name: 'other' }, one())).not.toThrow()
      expect(() => cached(createCache(), { ttl: 10 }, one())).not.toThrow()
    })

    it('may be shared by two functions that both name it', async () => {
      const read = cached(cache, { ttl: 10, key: 'shared' }, async () => 'from read')
      const other = cached(cache, { ttl: 10, key: 'shared' }, async () => 'from other')
      await read()
      expect(await other()).toBe('from read')
    })
  })

  describe('cached around cached', () => {
    it('calls the inner function on a miss of the outer one, each with its own ttl', async () => {
      const load = vi.fn(counter())
      const inner = cached(cache, { ttl: '200ms', key: 'inner' }, load)
      const outer = cached(cache, { ttl: '50ms', key: 'outer' }, inner)
      expect([await outer(), await outer()]).toEqual([1, 1])
      await elapse(100)
      expect(await outer()).toBe(1)
      await elapse(150)
      expect(await outer()).toBe(2)
      expect(load).toHaveBeenCalledTimes(2)
    })

    it('passes this and arguments through, and reads the parameters of the function itself', async () => {
      const inner = cached(
        cache,
        { ttl: 1, key: 'in:{id}' },
        async function load(this: { host: string } | undefined, id: string) {
          return `${this?.host}:${id}`
        },
      )
      const outer = cached(cache, { ttl: 1, key: 'out:{id}' }, inner)
      expect(await outer.call({ host: 'h' }, '1')).toBe('h:1')
      expect(outer.key('1')).toBe('out:1')
    })

    it('works as a decorator of a function', async () => {
      const load = cached(cache, { ttl: 10 })(async function getRates(base: string) {
        return base
      })
      expect(await load('eur')).toBe('eur')
      expect(load.template).toBe('getRates:base:{base}')
    })

    it('wraps a generic function with a key function', async () => {
      const same = cached(
        cache,
        { ttl: 10, key: (value: unknown) => `same:${JSON.stringify(value)}` },
        async <T>(value: T): Promise<T> => value,
      )
      expect(await same({ a: 1 })).toEqual({ a: 1 })
    })
  })

  it('leaves no unhandled rejection', async () => {
    const unheard = vi.fn()
    process.on('unhandledRejection', unheard)
    try {
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, () => Promise.reject(new Error('no')))
      await Promise.allSettled([wrapped(), wrapped(), wrapped.refresh(), wrapped.peek()])
      await cache.detect(() => Promise.allSettled([wrapped(), wrapped()]))
      await settle()
      vi.useRealTimers()
      await new Promise((resolve) => setImmediate(resolve)) // Node reports rejections after the promises of a turn.
      expect(unheard).not.toHaveBeenCalled()
    } finally {
      process.off('unhandledRejection', unheard)
    }
  })
})
