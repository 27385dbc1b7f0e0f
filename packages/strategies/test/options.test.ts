import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import {
  cached,
  circuitBreaker,
  dynamic,
  early,
  failover,
  handleOf,
  hit,
  invalidates,
  iterator,
  locked,
  notNull,
  onlyErrors,
  rateLimit,
  setDefaultFailErrors,
  singleFlight,
  slidingRateLimit,
  soft,
  strategies,
  withErrors,
} from '@cashews/strategies'
import { describe, expect, it } from 'vitest'

const cache = createCache().setup(memory())
const load = async (id: string): Promise<string> => id

describe('an option of cached that cannot work fails at definition', () => {
  it.each([
    ['no ttl', {}, /needs a ttl.*'10m'.*Infinity/],
    ['a ttl of 0', { ttl: 0 }, /^0 is not a valid ttl.*Infinity/],
    ['a negative ttl', { ttl: -1 }, /^-1 is not a valid ttl/],
    ['a ttl that is not a number', { ttl: Number.NaN }, /^NaN is not a valid ttl/],
    ['an empty ttl', { ttl: '' }, /^'' is not a valid ttl/],
    ['a ttl that is not text of ours', { ttl: '10 minutez' }, /^'10 minutez' is not a valid ttl/],
    ['an option there is not', { ttl: 1, tll: 1 }, /the options .*ttl.* not tll/],
    ['an option of another strategy', { ttl: 1, earlyTtl: 1 }, /not earlyTtl/],
    [
      'a condition that is not a function',
      { ttl: 1, condition: 'not_none' },
      /condition must be a function, not 'not_none'/,
    ],
    ['a timeCondition that is not a time', { ttl: 1, timeCondition: 'slow' }, /^'slow' is not a valid timeCondition/],
    ['a name there is not', { ttl: 1, key: 'user:{ix}' }, /"ix".*user:\{ix\}/s],
    ['a stray brace', { ttl: 1, key: 'user:{id' }, /user:\{id/],
    ['a formatter there is not', { ttl: 1, key: 'user:{id:lowr}' }, /:lowr/],
    ['an empty key', { ttl: 1, key: '' }, /empty/],
    ['a key that is neither text nor a function', { ttl: 1, key: 5 }, 'A key must be a template or a function, not 5'],
    [
      'a jitter that is text',
      { ttl: 1, jitter: '0.1' },
      "jitter must be a share of the ttl, at least 0 and less than 1, such as 0.1, not '0.1'.",
    ],
    ['a jitter that is null', { ttl: 1, jitter: null }, 'such as 0.1, not null.'],
    ['a jitter of the whole ttl', { ttl: 1, jitter: 1 }, 'such as 0.1, not 1.'],
    ['a prefix that is null', { ttl: 1, prefix: null }, 'prefix must be text, not null.'],
    ['a part of a ttl that is text', { ttl: { hours: '3' } }, "its hours are '3', not a number"],
    ['a lock that is a list', { ttl: 1, lock: [] }, 'lock must be true, false or an object of options, not [].'],
    ['a lock that is null', { ttl: 1, lock: null }, 'lock must be true, false or an object of options, not null.'],
    ['tags that are null', { ttl: 1, key: 'k', tags: null }, "tags must be a list such as ['items'], not null."],
    ['a condition that is null', { ttl: 1, condition: null }, 'condition must be a function, not null.'],
    ['a ttlFromResult that is not a function', { ttlFromResult: 5 }, 'ttlFromResult must be a function, not 5.'],
    [
      'tags that are not a list',
      { ttl: 1, key: 'k', tags: 'items' },
      /tags must be a list such as .*\['items'\].*not 'items'/,
    ],
    ['a tag with a name there is not', { ttl: 1, key: 'k', tags: ['user:{ix}'] }, /"ix"/],
  ])('%s', (_, options, message) => {
    expect(() => cached(cache, options as never, load as never)).toThrow(message)
    expect(() => cached(cache, options as never)(load)).toThrow(message)
  })

  it('errors that are not classes, and defaults that are not an object', () => {
    const one = { ttl: 1, key: 'k' }
    for (const errors of [null, '', 0, 'TypeError', [null], [new TypeError()], [() => TypeError]])
      expect(() => failover(cache, { ...one, errors } as never, load)).toThrow('errors must be a list of classes, not')
    expect(() => setDefaultFailErrors(cache, 5 as never)).toThrow('errors must be a list of classes, not [5].')
    expect(() => withErrors(null as never)).toThrow('errors must be a list of classes, not [null].')
    for (const defaults of [null, 'page', []])
      expect(() => invalidates(cache, 'k', { defaults } as never, load)).toThrow(
        'defaults must be an object such as { page: 1 }',
      )
  })

  it('a kind of sequence there is not', () => {
    const pages = async function* () {}
    for (const as of ['stream', 'toString', null])
      expect(() => iterator(cache, { ttl: 1, key: 'k', as } as never, pages)).toThrow(
        'as must be generator, node or web, not',
      )
  })

  it('a handle of what has none', () => {
    expect(() => handleOf(undefined as never, 'price' as never)).toThrow(
      "'price' of undefined is not a method with a strategy",
    )
    expect(() => handleOf({ price: load }, Object.create(null))).toThrow('Object {} of Object {price} is not a method')
  })

  it('a function without a name or with a source that says nothing', () => {
    expect(() =>
      cached(
        cache,
        { ttl: 1 },
        (
          () => async () =>
            1
        )(),
      ),
    ).toThrow(/name.*key/)
    expect(() => cached(cache, { ttl: 1, key: 'k:{id}' }, load.bind(null))).toThrow(/args/)
    expect(() => cached(cache, { ttl: 1 }, parseInt as never)).toThrow(/args.*key/)
  })

  it('a decorator already when it is made', () => {
    expect(() => cached(cache, {} as never)).toThrow(/needs a ttl/)
    expect(() => cached(cache, { ttl: 'soon' } as never)).toThrow(/'soon' is not a valid ttl/)
  })

  it('whatever the strategy', () => {
    const all = { cached, early, soft, hit, failover, iterator, locked, rateLimit, slidingRateLimit, circuitBreaker }
    for (const [name, strategy] of Object.entries(all)) {
      const wrap = strategy as (...given: unknown[]) => unknown
      expect(() => wrap(cache, undefined, load)).toThrow(new RegExp(`^${name}.* takes .* options.*, not undefined\\.$`))
      expect(() => wrap({ ttl: 1 }, load)).toThrow('not a function')
    }
    for (const options of [null, 5])
      expect(() => dynamic(cache, options as never, load)).toThrow('dynamic takes an object of options')
    const good = { ttl: 1, key: 'k' }
    for (const strategy of [cached, failover, iterator, locked])
      expect(() => (strategy as (...given: unknown[]) => unknown)(cache, good, 5)).toThrow(
        'Only a function or a method can be wrapped, not 5.',
      )
    for (const errors of [TypeError, ['TypeError']])
      for (const strategy of [failover, soft] as ((...given: unknown[]) => unknown)[])
        expect(() =>
          strategy(cache, { ...good, ...(strategy === soft ? { softTtl: '500ms' } : {}), errors }, load),
        ).toThrow(/errors must be a list of classes, not (a function|\['TypeError'\])\.$/)
    expect(() => withErrors('TypeError' as never)).toThrow('list of classes')
    expect(() => setDefaultFailErrors(cache, 5 as never)).toThrow('list of classes')
    expect(() => rateLimit(cache, { limit: 1, period: 1, action: 5 } as never, load)).toThrow(
      'action must be a function, not 5.',
    )
  })

  it('that is not a switch, and no text', () => {
    for (const strategy of [cached, early, soft, failover] as ((...given: unknown[]) => unknown)[])
      for (const name of ['nested', 'singleFlight'])
        expect(() => strategy(cache, { ttl: 1, key: 'k', [name]: 'no' }, load)).toThrow(
          `${name} must be true or false, not 'no'.`,
        )
    for (const name of ['prefix'])
      expect(() => locked(cache, { ttl: 1, [name]: 5 } as never, load)).toThrow('prefix must be text, not 5.')
    for (const strategy of [early, hit] as ((...given: unknown[]) => unknown)[])
      expect(() => strategy(cache, { ttl: 1, cacheHits: 1, key: 'k', background: 'no' }, load)).toThrow(
        "background must be true or false, not 'no'.",
      )
    expect(() => early(cache, { ttl: 1, key: 'k', beta: '1' } as never, load)).toThrow(
      "beta must be a number from 0 on, not '1'.",
    )
    expect(() => cached(cache, { ttl: 1, name: 5 } as never, load)).toThrow('name must be text, not 5.')
    expect(() => cached(cache, { ttl: 1, noSelf: 'no' } as never, load)).toThrow(
      "noSelf must be true or false, not 'no'.",
    )
    expect(() => cached(cache, { ttl: 1, name: 5 } as never, load)).toThrow('name must be text, not 5.')
    expect(() => cached(cache, { ttl: 1, noSelf: 'no' } as never, load)).toThrow(
      "noSelf must be true or false, not 'no'.",
    )
    const breaker = { errorsRate: 50, period: 1, ttl: 1, noSelf: null }
    expect(() => circuitBreaker(cache, breaker as never, load)).toThrow('noSelf must be true or false, not null.')
    for (const args of ['id', [5], {}])
      expect(() => cached(cache, { ttl: 1, key: 'k', args } as never, load)).toThrow(
        "args must be a list such as ['id']",
      )
  })

  it('and a cache that is none', () => {
    for (const strategy of [cached, locked, rateLimit] as ((...given: unknown[]) => unknown)[])
      expect(() => strategy({}, { ttl: 1, key: 'k', limit: 1, period: 1 }, load)).toThrow(
        /takes the cache first|takes the options/,
      )
    for (const none of [undefined, null, {}]) {
      expect(() => iterator(none as never, { ttl: 1, key: 'k' }, async function* () {})).toThrow(
        'takes the cache first',
      )
      expect(() => invalidates(none as never, 'k', load)).toThrow('takes the cache first')
    }
  })

  it('a lock that is none, and a wait that is not a time', () => {
    expect(() => cached(cache, { ttl: 1, key: 'k', lock: null } as never, load)).toThrow('lock must be true, false or')
    expect(() => locked(cache, { ttl: 1, key: 'k', wait: Number.NaN }, load)).toThrow('NaN is not a valid wait')
  })

  it('a limit that never ends: nobody could be told when to try again', () => {
    const endless = { limit: 1, period: Number.POSITIVE_INFINITY, key: 'k' }
    expect(() => rateLimit(cache, endless, load)).toThrow('Infinity is not a valid period: it has to end')
    expect(() => slidingRateLimit(cache, endless, load)).toThrow('Infinity is not a valid period')
    const banned = { limit: 1, period: 1, ttl: Number.POSITIVE_INFINITY, key: 'k' }
    expect(() => rateLimit(cache, banned, load)).toThrow('Infinity is not a valid ttl')
  })

  it('templates to invalidate that are none', () => {
    for (const templates of [undefined, 5, [5], []])
      expect(() => invalidates(cache, templates as never, load)).toThrow('templates must be a list such as')
    expect(() => invalidates(cache, [], { tags: ['items'] }, load)).not.toThrow()
  })

  it('a cache that strategies cannot be bound to', () => {
    expect(() => strategies({} as never)).toThrow('A strategy takes the cache first, not Object {}.')
  })

  it('of a call too, when it is made', () => {
    const wrapped = cached(cache, { ttl: 1, key: 'k' }, load)
    for (const options of [undefined, null, { sgnal: AbortSignal.abort() }, { signal: 5 }, AbortSignal.abort()])
      expect(() => wrapped.with(options as never)).toThrow(/takes the options \{ signal \}, not|an AbortSignal/)
    expect(() => wrapped.with({})).not.toThrow()
  })

  it('of singleFlight too', () => {
    expect(() => singleFlight(cache, { key: 'k:{ix}' } as never, load as never)).toThrow('"ix"')
    expect(() => singleFlight(cache, { tll: 1 } as never)).toThrow(/the options .* not tll/)
  })
})

it.each([[null], [5], ['text'], [{}]])('what is not a function but %j is refused at definition', (fn) => {
  const message = /Only a function or a method can be wrapped/
  expect(() => cached(cache, { ttl: 1, key: 'k' }, fn as never)).toThrow(message)
  expect(() => failover(cache, { ttl: 1, key: 'k' }, fn as never)).toThrow(message)
  expect(() => locked(cache, { ttl: 1, key: 'k' }, fn as never)).toThrow(message)
})

describe('a generator, whose items a caching strategy would lose,', () => {
  async function* pages(): AsyncGenerator<number> {
    yield 1
  }
  function* numbers(): Generator<number> {
    yield 1
  }

  it('is refused at definition', () => {
    expect(() => cached(cache, { ttl: 1 }, pages)).toThrow(
      '"pages" is a generator: iterator stores what it yields; cached stores what a function returns.',
    )
    expect(() => soft(cache, { ttl: 1 }, numbers)).toThrow(/"numbers" is a generator.*soft stores/)
    expect(() => early(cache, { ttl: 1 })(pages)).toThrow(/"pages" is a generator.*early stores/)
  })

  it('may begin within a limit, and be read in a lock', async () => {
    const limited = rateLimit(cache, { limit: 1, period: 1, key: 'begun' }, pages)
    expect(await (await limited()).next()).toEqual({ value: 1, done: false })
    await expect(limited()).rejects.toThrow(/limit/i)
    const items = []
    for await (const item of locked(cache, { ttl: 1 }, pages)()) items.push(item)
    expect(items).toEqual([1])
  })
})

describe('conditions', () => {
  it('notNull takes everything but undefined and null', () => {
    expect([undefined, null, 0, '', false, Number.NaN].map(notNull)).toEqual([false, false, true, true, true, true])
  })

  it('withErrors takes results, and errors of its types or of any', () => {
    class Mine extends TypeError {}
    expect(withErrors()(undefined, { args: [], key: '' })).toBe(true)
    expect(withErrors().storesError?.(new Mine())).toBe(true)
    expect(withErrors().storesError?.('no error')).toBe(false)
    expect(withErrors(RangeError, TypeError).storesError?.(new Mine())).toBe(true)
    expect(withErrors(RangeError).storesError?.(new Mine())).toBe(false)
  })

  it('onlyErrors takes no result', () => {
    expect(onlyErrors()(1, { args: [], key: '' })).toBe(false)
    expect(onlyErrors(TypeError).storesError?.(new TypeError())).toBe(true)
  })
})

describe('defining a cached function', () => {
  it('runs none of the code of its user', () => {
    const spy = () => {
      throw new Error('was run')
    }
    cached(cache, { ttl: spy, ttlFromResult: spy, condition: spy, key: spy, tags: spy } as never, spy as never)
  })

  it('needs no backend yet', () => {
    const bare = createCache()
    expect(cached(bare, { ttl: 1, key: 'k:{id}' }, load).key('1')).toBe('k:1')
  })
})
