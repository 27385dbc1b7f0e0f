import { type Cache, createCache } from '@cashews/core'
import {
  circuitBreaker,
  early,
  failover,
  hit,
  invalidates,
  iterator,
  type LockedHandle,
  locked,
  rateLimit,
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
