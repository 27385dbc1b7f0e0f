import { type Backend, type Call, type Command, createCache, type Lock, type Middleware } from '@cashews/core'
import { describe, expectTypeOf, it } from 'vitest'

interface User {
  id: string
}
const cache = createCache()

describe('the types of the commands', () => {
  it('follow the type asked for', () => {
    expectTypeOf(cache.get('key')).resolves.toEqualTypeOf<unknown>()
    expectTypeOf(cache.get<User>('key')).resolves.toEqualTypeOf<User | undefined>()
    expectTypeOf(cache.get<number>('key', 0)).resolves.toEqualTypeOf<number>()
    expectTypeOf(cache.get<User, null>('key', null)).resolves.toEqualTypeOf<User | null>()
    expectTypeOf(cache.getMany<User>(['key'])).resolves.toEqualTypeOf<(User | undefined)[]>()
    expectTypeOf(cache.getMany<number>(['key'], 0)).resolves.toEqualTypeOf<number[]>()
    expectTypeOf(cache.getMany<User, null>(['key'], null)).resolves.toEqualTypeOf<(User | null)[]>()
    expectTypeOf(cache.getRaw<Buffer>('key')).resolves.toEqualTypeOf<Buffer | undefined>()
    expectTypeOf(cache.getMatch<User>('*')).toEqualTypeOf<AsyncIterable<readonly [key: string, value: User]>>()
    expectTypeOf(cache.scan('*')).toEqualTypeOf<AsyncIterable<string>>()
  })

  it('follow the type loaded', () => {
    expectTypeOf(cache.getOrSet('key', () => 1)).resolves.toEqualTypeOf<number>()
    expectTypeOf(cache.getOrSet('key', async () => ({ id: '1' }))).resolves.toEqualTypeOf<User>()
    expectTypeOf(cache.lock('job', { ttl: 1 }, async (lock) => lock)).resolves.toEqualTypeOf<Lock>()
    expectTypeOf(cache.disabling(['get'], () => 1)).resolves.toEqualTypeOf<number>()
    expectTypeOf(cache.detect(async () => 1)).resolves.toExtend<{ result: number }>()
  })

  it('include the options of setup, and leave those of a URL to its driver', () => {
    const backend = {} as Backend
    cache.setup(backend, { prefix: 'user:', readTimeout: '50ms' })
    cache.setup('mem://', { prefix: 'user:', size: 10 })
    // @ts-expect-error -- it is spelled prefix
    cache.setup(backend, { prefx: 'user:' })
    // @ts-expect-error -- that is not a time
    cache.setup(backend, { readTimeout: '50 millis' })
  })

  it('tell what each command answers', () => {
    expectTypeOf(cache.getExpire('key')).resolves.toEqualTypeOf<number | undefined>()
    expectTypeOf(cache.set('key', 1)).resolves.toEqualTypeOf<boolean>()
    expectTypeOf(cache.deleteMany(['key'])).resolves.toEqualTypeOf<number>()
    expectTypeOf(cache.setPop('key')).resolves.toEqualTypeOf<string[]>()
  })

  it('take entries in three forms', () => {
    void cache.setMany({ a: 1 })
    void cache.setMany(new Map([['a', 1]]))
    void cache.setMany([['a', 1]])
    // @ts-expect-error a pair has a key of text
    void cache.setMany([[1, 1]])
  })

  it('know the commands by name', () => {
    cache.disable('get', 'setMany', { prefix: 'user:' })
    // @ts-expect-error there is no such command
    cache.disable('git')
    // @ts-expect-error there is no such event
    cache.on('git', () => {})
    expectTypeOf<'getMany'>().toExtend<Command>()
  })

  it('tell a listener the type of its event', () => {
    cache.on('set', ({ key, result, backend }) => {
      expectTypeOf(key).toEqualTypeOf<string>()
      expectTypeOf(result).toEqualTypeOf<boolean | undefined>()
      expectTypeOf(backend).toEqualTypeOf<Backend>()
    })
    cache.on('getMany', ({ keys }) => expectTypeOf(keys).toEqualTypeOf<readonly string[]>())
    cache.on('scan', ({ pattern }) => expectTypeOf(pattern).toEqualTypeOf<string>())
    for (const command of ['get', 'getMany'] as const)
      cache.on(command, ({ key }) => expectTypeOf(key).toEqualTypeOf<string | undefined>())
    cache.on('get', ({ hit }) => expectTypeOf(hit).toEqualTypeOf<boolean>())
    cache.on('removed', ({ reason }) => expectTypeOf(reason).toEqualTypeOf<'evicted' | 'expired'>())
    const off = cache.on('get', () => {})
    expectTypeOf(off).toExtend<Disposable>()
  })

  it('tell calls apart by command', () => {
    const middleware: Middleware = (call, next) => {
      expectTypeOf(call).toEqualTypeOf<Call>()
      if (call.command === 'set') expectTypeOf(call.lifetime).toEqualTypeOf<number>()
      if (call.command === 'getMany') expectTypeOf(call.keys).toEqualTypeOf<readonly string[]>()
      // @ts-expect-error a ping has no key
      if (call.command === 'ping') void call.key
      return next(call)
    }
    cache.use(middleware, async (call, next) => next(call))
  })
})
