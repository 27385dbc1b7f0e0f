import { type Cache, createCache } from '@cashews/core'
import {
  cached,
  circuitBreaker,
  dynamic,
  early,
  failover,
  hit,
  invalidates,
  iterator,
  type LockedHandle,
  locked,
  rateLimit,
  singleFlight,
  slidingRateLimit,
  soft,
  strategies,
} from '@cashews/strategies'
import { expectTypeOf, test } from 'vitest'

declare const cache: Cache
interface User {
  readonly id: string
}
const getUser = async (id: string): Promise<User> => ({ id })

test('a wrapped function keeps its arguments and its result, whatever the strategy', () => {
  const all = [
    early(cache, { ttl: '1m', earlyTtl: '30s', key: 'k:{id}' }, getUser),
    soft(cache, { ttl: '1m', softTtl: (id) => id.length, key: 'k:{id}' }, getUser),
    failover(cache, { ttl: '1m', errors: [TypeError], key: 'k:{id}' }, getUser),
    hit(cache, { ttl: '1m', cacheHits: 3, key: 'k:{id}' }, getUser),
    circuitBreaker(cache, { errorsRate: 50, period: '1m', ttl: '1m' }, getUser),
    strategies(createCache()).early({ ttl: '1m', key: 'k:{id}' }, getUser),
  ]
  for (const wrapped of all) {
    expectTypeOf(wrapped('1')).resolves.toEqualTypeOf<User>()
    expectTypeOf(wrapped.peek('1')).resolves.toEqualTypeOf<User | undefined>()
    // @ts-expect-error the id is text
    wrapped(1)
  }
})

test('options know the call and its result', () => {
  rateLimit(
    cache,
    {
      limit: 1,
      period: '1m',
      key: 'k:{id}',
      action: (facts, id) => {
        expectTypeOf(facts.resetAt).toEqualTypeOf<Date>()
        expectTypeOf(id).toEqualTypeOf<string>()
        return { id }
      },
    },
    getUser,
  )
  // @ts-expect-error a position beyond the parameters
  early(cache, { ttl: '1m', key: 'k:{3}' }, getUser)
  // @ts-expect-error cacheHits is missing
  hit(cache, { ttl: '1m', key: 'k' }, getUser)
  // @ts-expect-error ttl is missing
  early(cache, { earlyTtl: '1m', key: 'k' }, getUser)
  // @ts-expect-error ttl is missing
  soft(cache, { softTtl: '1m', key: 'k' }, getUser)
  // @ts-expect-error ttl is missing
  failover(cache, { key: 'k' }, getUser)
  // @ts-expect-error ttl is missing
  hit(cache, { cacheHits: 1, key: 'k' }, getUser)
  // @ts-expect-error ttl is missing
  strategies(cache).cached({ key: 'k' }, getUser)
  // @ts-expect-error ttl is missing, for a decorator too
  strategies(cache).early({ key: 'k' })
  // @ts-expect-error no duration
  soft(cache, { ttl: '1m', softTtl: '10 minutez', key: 'k' }, getUser)
})

test('an iterator yields what the function yields', () => {
  const pages = iterator(cache, { ttl: '1m', key: 'k:{0}' }, async function* (name: string) {
    yield name.length
  })
  // @ts-expect-error ttl is missing
  iterator(cache, { key: 'k:{0}' }, pages)
  // @ts-expect-error it yields nothing
  iterator(cache, { ttl: '1m', key: 'k:{0}' }, async (name: string) => name)
  // @ts-expect-error nor does this, bound to a cache
  strategies(cache).iterator({ ttl: '1m', key: 'k:{0}' }, async (name: string) => name)
  expectTypeOf(pages('a')).toEqualTypeOf<AsyncGenerator<number, void>>()
  expectTypeOf(pages.peek('a')).resolves.toEqualTypeOf<number[] | undefined>()
  expectTypeOf(pages.refresh('a')).resolves.toEqualTypeOf<number[]>()
  const inTurn = iterator(cache, { ttl: '1m', key: 'k' }, function* () {
    yield 1
  })
  expectTypeOf(inTurn()).toEqualTypeOf<AsyncGenerator<number, void>>()
})

test('invalidates keeps an asynchronous function as it is, and makes a synchronous one asynchronous', () => {
  expectTypeOf(invalidates(cache, 'k', {}, getUser)).toEqualTypeOf<typeof getUser>()
  expectTypeOf(invalidates(cache, 'k', {}, (n: number) => n)).toEqualTypeOf<(n: number) => Promise<number>>()
})

test('an async generator behind a lock stays one, decorated too', () => {
  const { locked: bound } = strategies(cache)
  const pages = locked(cache, { ttl: '1m', key: 'k:{0}' })(async function* (name: string) {
    yield name.length
  })
  expectTypeOf(pages('a')).toEqualTypeOf<AsyncGenerator<number, void, unknown>>()
  expectTypeOf(pages.of({}).key('a')).toEqualTypeOf<string>()
  expectTypeOf(pages.of({})).toEqualTypeOf<LockedHandle<(name: string) => AsyncGenerator<number, void, unknown>>>()
  bound({ ttl: '1m', key: 'k:{0}' })({}, 'pages', {} as TypedPropertyDescriptor<typeof pages>)
  class Shop {
    @bound({ ttl: '1m', key: 'k:{0}' })
    async *pages(name: string) {
      yield name.length
    }
    @bound({ ttl: '1m', key: 'k:{0}' })
    async send(name: string) {
      return name.length
    }
  }
  expectTypeOf(new Shop().pages('a')).toEqualTypeOf<AsyncGenerator<number, void, unknown>>()
  expectTypeOf(new Shop().send('a')).resolves.toEqualTypeOf<number>()
})

test('a decorator checks the names in its key against args, whatever the strategy', () => {
  cached(cache, { ttl: 1, key: '{this.host}:{@tenant}:{user.name}:{0.name}', args: ['user'] })
  cached(cache, { ttl: 1, key: '{whatever}' })
  cached(cache, { ttl: 1, key: (user: string) => user, args: ['user'] })
  strategies(cache).singleFlight()
  const wrong = { key: 'k:{usr}', args: ['user'] } as const
  const bound = strategies(cache)
  // @ts-expect-error no parameter is called usr
  cached(cache, { ttl: 1, ...wrong })
  // @ts-expect-error nor here
  bound.cached({ ttl: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  early(cache, { ttl: 1, ...wrong })
  // @ts-expect-error nor here
  bound.early({ ttl: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  soft(cache, { ttl: 1, ...wrong })
  // @ts-expect-error nor here
  bound.soft({ ttl: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  failover(cache, { ttl: 1, ...wrong })
  // @ts-expect-error nor here
  bound.failover({ ttl: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  hit(cache, { ttl: 1, cacheHits: 1, ...wrong })
  // @ts-expect-error nor here
  bound.hit({ ttl: 1, cacheHits: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  dynamic(cache, { ...wrong })
  // @ts-expect-error nor here
  bound.dynamic({ ...wrong })
  // @ts-expect-error no parameter is called usr
  iterator(cache, { ttl: 1, ...wrong })
  // @ts-expect-error nor here
  bound.iterator({ ttl: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  locked(cache, { ttl: 1, ...wrong })
  // @ts-expect-error nor here
  bound.locked({ ttl: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  singleFlight(cache, { ...wrong })
  // @ts-expect-error nor here
  bound.singleFlight({ ...wrong })
  // @ts-expect-error no parameter is called usr
  rateLimit(cache, { limit: 1, period: 1, ...wrong })
  // @ts-expect-error nor here
  bound.rateLimit({ limit: 1, period: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  slidingRateLimit(cache, { limit: 1, period: 1, ...wrong })
  // @ts-expect-error nor here
  bound.slidingRateLimit({ limit: 1, period: 1, ...wrong })
  // @ts-expect-error no parameter is called usr
  circuitBreaker(cache, { errorsRate: 50, period: 1, ttl: 1, ...wrong })
  // @ts-expect-error nor here
  bound.circuitBreaker({ errorsRate: 50, period: 1, ttl: 1, ...wrong })
})
