import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { cached, circuitBreaker, early, hit, invalidates, iterator, rateLimit, strategies } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'

const cache = createCache().setup(memory())
const load = async (id: string): Promise<string> => id
const key = 'user:{uid}'

/** The stack of the error of a definition. */
function stackOf(define: () => unknown): string {
  try {
    define()
  } catch (error) {
    return String((error as Error).stack)
  }
  throw new Error('It can be defined.')
}

describe('the stack of an error shows the line that defines what cannot work', () => {
  it.each<[string, () => unknown]>([
    ['a template', () => cached(cache, { ttl: 1, key }, load)],
    ['a template of tags', () => cached(cache, { ttl: 1, key: 'k', tags: [key] }, load)],
    ['a template of another strategy', () => early(cache, { ttl: 1, key }, load)],
    ['a template of a limit', () => rateLimit(cache, { limit: 1, period: 1, key }, load)],
    ['a template of a sequence', () => iterator(cache, { ttl: 1, key }, async function* () {})],
    ['a template of what is deleted', () => invalidates(cache, key, load)],
    ['a template, with the function given later', () => cached(cache, { ttl: 1, key })(load)],
    [
      'no name',
      () =>
        cached(
          cache,
          { ttl: 1 },
          (
            () => async () =>
              1
          )(),
        ),
    ],
    ['a ttl', () => hit(cache, { ttl: 'soon' as '1m', cacheHits: 1, key: 'k' }, load)],
    ['a ttl of a bound strategy', () => strategies(cache).hit({ ttl: 'soon' as '1m', cacheHits: 1, key: 'k' }, load)],
    ['a period', () => rateLimit(cache, { limit: 1, period: 'soon' as '1m', key: 'k' }, load)],
    ['a ttl of a circuit', () => circuitBreaker(cache, { errorsRate: 10, period: 1, ttl: 'soon' as '1m' }, load)],
    ['a ttl of a lock', () => hit(cache, { ttl: 1, cacheHits: 1, key: 'k', lock: { ttl: 'soon' as '1m' } }, load)],
    ['a name that is taken', () => [1, 2].map(() => cached(cache, { ttl: 1, name: 'taken' }, load))],
  ])('%s', (_, define) => {
    expect(stackOf(define)).toContain('definition-stack.test.ts')
  })
})
