import { type CacheControlTtl, cacheControlTtl, type Exchange, exchangeOf } from '@cashews/express'
import { expectTypeOf, test } from 'vitest'

test('what the package makes has a type that the package exports, so that the declarations of an app can name it', () => {
  expectTypeOf(cacheControlTtl({ default: '4m' })).toEqualTypeOf<CacheControlTtl>()
  expectTypeOf(exchangeOf).returns.toEqualTypeOf<Exchange | undefined>()
})
