import { type CacheControlTtl, cacheControlTtl } from '@cashews/fastify'
import { expectTypeOf, test } from 'vitest'

test('what the package makes has a type that the package exports, so that the declarations of an app can name it', () => {
  expectTypeOf(cacheControlTtl({ default: '4m' })).toEqualTypeOf<CacheControlTtl>()
})
