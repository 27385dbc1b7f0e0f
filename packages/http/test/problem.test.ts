import { memory } from '@cashews/backend-memory'
import { createCache, onTerms } from '@cashews/core'
import { cacheControlTtl, problemOf } from '@cashews/http'
import { cached, rateLimit } from '@cashews/strategies'
import { parseList } from 'structured-headers'
import { describe, expect, it } from 'vitest'

describe('a problem', () => {
  const limited = async () => {
    const cache = createCache().setup(memory())
    const search = rateLimit(cache, { limit: 1, period: '10s', key: 'search' }, async () => 1)
    await search()
    return search().catch((error: unknown) => error) as Promise<{ readonly retryAfter: number }>
  }

  it('is 429 with RateLimit fields that parse, and a wait that is long enough, for a rate limit', async () => {
    const error = await limited()
    const { status, fields, body } = problemOf(error) ?? expect.fail()
    expect(status).toBe(429)
    expect(Number(fields['retry-after'])).toBeGreaterThanOrEqual(error.retryAfter)
    const [[policy, quota]] = parseList(fields['ratelimit-policy'] as string) as [[string, Map<string, number>]]
    const [[name, left]] = parseList(fields.ratelimit as string) as [[string, Map<string, number>]]
    expect([policy, quota.get('q')]).toEqual(['default', 1])
    expect([name, left.get('r'), left.get('t')]).toEqual(['default', 0, Number(fields['retry-after'])])
    expect(fields['content-type']).toBe('application/problem+json')
    expect(body).toMatchObject({ status: 429, 'violated-policies': ['default'] })
  })

  it('speaks to old clients when asked to', async () => {
    const { fields } = problemOf(await limited(), { policy: 'search', legacy: true }) ?? expect.fail()
    expect(fields).toMatchObject({ 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0' })
    expect(fields['ratelimit-policy']).toBe('"search";q=1')
  })

  it('is 503 for an open circuit breaker, and 504 for what is not stored', async () => {
    const open = Object.assign(new Error(), { code: 'CASHEWS_CIRCUIT_BREAKER_OPEN', retryAfter: 1.2 })
    expect(problemOf(open)).toMatchObject({ status: 503, fields: { 'retry-after': '2' } })
    const cache = createCache().setup(memory())
    const refused = await onTerms({ onlyStored: true }, () => cache.getOrSet('key', () => 1)).catch((error) => error)
    expect(problemOf(refused)).toMatchObject({ status: 504 })
  })

  it.each([undefined, null, 'text', new Error('other')])('is none for %s', (error) => {
    expect(problemOf(error)).toBeUndefined()
  })
})

describe('cacheControlTtl', () => {
  const ttl = cacheControlTtl({ default: '4m' })

  it('is the default where nobody asks for anything', () => {
    expect(ttl()).toBe(240)
  })

  it('is shortened by a client, down to a second, and never lengthened', async () => {
    expect(await onTerms({ maxAge: 60 }, () => ttl())).toBe(60)
    expect(await onTerms({ maxAge: 0 }, () => ttl())).toBe(1)
    expect(await onTerms({ maxAge: 31_536_000 }, () => ttl())).toBe(240)
  })

  it('keeps to the limits it is given', async () => {
    const limited = cacheControlTtl({ default: '4m', min: '1m', max: '1h' })
    expect(await onTerms({ maxAge: 5 }, () => limited())).toBe(60)
    expect(await onTerms({ maxAge: 86_400 }, () => limited())).toBe(3_600)
  })

  it('is a ttl of a strategy, which knows how old its answers are', async () => {
    const cache = createCache().setup(memory())
    const price = cached(cache, { ttl: ttl, key: 'price:{id}' }, async (id: string) => id)
    await price('1')
    expect(await cache.getExpire('price:1')).toBeCloseTo(240, 0)
    const { calls } = await cache.detect(() => price('1'))
    expect(calls['price:1']).toMatchObject([{ hit: true, age: expect.closeTo(0, 0) }])
  })

  it('refuses what is not options', () => {
    expect(() => cacheControlTtl('4m' as never)).toThrow(
      "cacheControlTtl takes the options { default, max, min }, not '4m'.",
    )
    expect(() => cacheControlTtl({ defualt: '4m' } as never)).toThrow('not defualt.')
  })

  it('refuses limits that leave the default out', () => {
    expect(() => cacheControlTtl({ default: '4m', min: '5m' })).toThrow('between')
    expect(() => cacheControlTtl({ default: '4m', max: '3m' })).toThrow('between')
  })
})
