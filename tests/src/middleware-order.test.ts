import { COMMANDS, type Command, createCache, type Middleware } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { stores } from './support/backends.ts'
import { all, recorder, run } from './support/helpers.ts'

describe.each(stores)('middlewares before $name', ({ create }) => {
  it.each(COMMANDS)('run in the order given, the first outermost, for %s', async (command) => {
    const order: string[] = []
    const named =
      (name: string): Middleware =>
      (call, next) => {
        order.push(`${name} ${call.command}`)
        return next(call)
      }
    const cache = createCache().use(named('first'))
    cache.setup(create(), { middlewares: [named('third'), named('fourth')] })
    cache.use(named('second'))
    await run(cache, command)
    expect(order).toEqual(['first', 'second', 'third', 'fourth'].map((name) => `${name} ${command}`))
  })

  it.each(COMMANDS)('may be asynchronous for %s', async (command) => {
    const seen = recorder()
    const cache = createCache().setup(create())
    const plain = await run(cache, command)
    await cache.clear()
    for (const key of ['counter', 'bits', 'window', 'set']) await cache.delete(key)
    await cache.unlock('key', 'token')
    cache.use(async (call, next) => {
      await Promise.resolve()
      return next(call)
    }, seen)
    expect(await run(cache, command)).toEqual(plain)
    expect(seen.commands).toEqual([command])
  })

  it.each(COMMANDS)('get an error that says what next takes when they pass nothing, for %s', async (command) => {
    const forgetful: Middleware = (_, next) => next(undefined as never)
    const cache = createCache().use(forgetful, recorder()).setup(create())
    await expect(run(cache, command)).rejects.toThrow('A middleware must pass a call on: next(call).')
  })

  it.each(COMMANDS)('receive the backend of %s, and durations in milliseconds', async (command) => {
    const seen = recorder()
    const backend = create()
    const cache = createCache().setup(backend, { middlewares: [seen] })
    await run(cache, command)
    expect(seen.calls[0]?.backend).toBe(backend)
    if (command === 'expire' || command === 'setLock') expect(seen.calls[0]).toMatchObject({ lifetime: 60_000 })
    if (command === 'set') expect(seen.calls[0]).toMatchObject({ lifetime: Number.POSITIVE_INFINITY })
  })

  it.each<[Command, object]>([
    ['get', { key: 'key' }],
    ['getMany', { keys: ['key'] }],
    ['getMatch', { pattern: 'key*', batchSize: 100 }],
    ['getRaw', { key: 'key' }],
    ['set', { key: 'key', value: 'value', lifetime: Number.POSITIVE_INFINITY }],
    ['setMany', { entries: [['key', 'value']], lifetime: Number.POSITIVE_INFINITY }],
    ['setRaw', { key: 'key', value: 'value', lifetime: Number.POSITIVE_INFINITY }],
    ['delete', { key: 'key' }],
    ['deleteMany', { keys: ['key'] }],
    ['deleteMatch', { pattern: 'key*' }],
    ['exists', { key: 'key' }],
    ['scan', { pattern: 'key*', batchSize: 100 }],
    ['incr', { key: 'counter', by: 1, lifetime: Number.POSITIVE_INFINITY }],
    ['expire', { key: 'key', lifetime: 60_000 }],
    ['getExpire', { key: 'key' }],
    ['clear', {}],
    ['ping', { message: 'PONG' }],
    ['getSize', { key: 'key' }],
    ['getKeysCount', {}],
    ['setLock', { key: 'key', token: 'token', lifetime: 60_000 }],
    ['unlock', { key: 'key', token: 'token' }],
    ['isLocked', { key: 'key' }],
    ['getBits', { key: 'bits', indexes: [1], size: 1 }],
    ['incrBits', { key: 'bits', indexes: [1], size: 1, by: 1 }],
    ['sliceIncr', { key: 'window', start: 0, end: 1, max: 10, lifetime: Number.POSITIVE_INFINITY }],
    ['setAdd', { key: 'set', members: ['a'] }],
    ['setRemove', { key: 'set', members: ['a'] }],
    ['setPop', { key: 'set', count: 100 }],
  ])('receive what the caller of %s gave, and the defaults', async (command, fields) => {
    const seen = recorder()
    const cache = createCache().setup(create(), { middlewares: [seen] })
    await run(cache, command)
    expect(seen.calls).toEqual([expect.objectContaining({ command, ...fields })])
  })

  it('may change a call and its result', async () => {
    const cache = createCache().setup(create())
    cache.use(async (call, next) => {
      if (call.command === 'set') return next({ ...call, value: `${call.value}!` })
      const answer = await next(call)
      return call.command === 'get' ? `${String(answer)}?` : answer
    })
    await cache.set('key', 'value')
    expect(await cache.get('key')).toBe('value!?')
  })

  it('may return without the store', async () => {
    const cache = createCache().setup(create())
    const off = cache.use((call, next) => (call.command === 'get' ? 'from the middleware' : next(call)))
    expect(await off.get('key')).toBe('from the middleware')
    expect(await cache.exists('key')).toBe(false)
  })

  it('may change a stream', async () => {
    const cache = createCache().setup(create())
    await cache.setMany({ a: 1, b: 2 })
    cache.use(async (call, next) => {
      if (call.command !== 'scan') return next(call)
      const keys = (await next(call)) as AsyncIterable<string>
      return (async function* () {
        for await (const key of keys) yield key.toUpperCase()
      })()
    })
    expect((await all(cache.scan('*'))).sort()).toEqual(['A', 'B'])
  })

  it('may throw their own errors to the caller', async () => {
    const cache = createCache().setup(create())
    cache.use(() => {
      throw new TypeError('my mistake')
    })
    await expect(cache.get('key')).rejects.toThrow('my mistake')
    await expect(cache.getMany(['key'])).rejects.toThrow('my mistake')
    await expect(all(cache.scan('*'))).rejects.toThrow('my mistake')
  })

  it('receive synchronous reads from the moment they are registered', async () => {
    const cache = createCache().setup(create())
    await cache.set('key', 1)
    await cache.get('key')
    const seen = recorder()
    cache.use(seen)
    await cache.get('key')
    expect(seen.commands).toEqual(['get'])
  })

  it('are not called for a disabled command', async () => {
    const seen = recorder()
    const cache = createCache().setup(create()).use(seen)
    cache.disable()
    for (const command of COMMANDS) await run(cache, command)
    expect(seen.calls).toEqual([])
  })
})
