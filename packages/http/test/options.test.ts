import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { cacheStatus, cachingListener, problemOf, ResponseCache } from '@cashews/http'
import { parseList } from 'structured-headers'
import { describe, expect, it } from 'vitest'

const cache = createCache().setup(memory())
const listen = (options: object) => cachingListener(cache, options, () => {})

describe('options', () => {
  it.each([
    [{ ttl: 'soon' }, 'soon'],
    [{ tll: '1m' }, /^A cached route takes the options \{ ttl, tags, .* not tll\.$/],
    [{ maxBytes: '1mb' }, "maxBytes must be a number of bytes, such as 1_048_576, not '1mb'."],
    [{ maxBytes: -1 }, 'maxBytes must be a number of bytes'],
    [{ maxBytes: 1.5 }, 'maxBytes must be a number of bytes'],
    [{ maxBytes: Number.NaN }, 'maxBytes must be a number of bytes'],
    [{ statuses: 200 }, 'statuses must be a list such as [200, 404], or a function of a status, not 200.'],
    [{ statuses: ['200'] }, 'statuses must be a list such as [200, 404]'],
    [{ tags: [7] }, 'tags must be a list of names'],
    [{ prefix: null }, 'prefix must be text, not null.'],
    [{ ignoreQuery: null }, 'ignoreQuery must be a list of globs, not null.'],
    [{ recompute: null }, "recompute must be an object such as { limit: 60, period: '1m' }, not null."],
    [{ name: 7 }, 'name must be text, not 7.'],
    [{ tags: 'page' }, "tags must be a list of names, or a function of request and reply, not 'page'."],
    [{ varyBy: 'user' }, "varyBy must be a function of a request, not 'user'."],
    [{ ignoreCookies: '_ga*' }, "ignoreCookies must be a list of globs, not '_ga*'."],
    [{ ignoreQuery: 'utm_*' }, "ignoreQuery must be a list of globs, not 'utm_*'."],
    [{ honorRequestDirectives: 'some' }, "honorRequestDirectives must be one of all, reduce-only, none, not 'some'."],
    [{ recompute: { limit: '60', period: '1m' } }, 'recompute takes a whole number as its limit'],
    [{ recompute: { limit: -1, period: '1m' } }, 'recompute takes a whole number as its limit'],
    [{ recompute: { limit: 60 } }, 'undefined'],
    [{ client: 'ip' }, "client must be a function of a request, not 'ip'."],
    [{ public: 'no' }, "public must be true or false, not 'no'."],
    [{ storeSetCookie: 'false' }, "storeSetCookie must be true or false, not 'false'."],
    [{ revalidate: 1 }, 'revalidate must be true or false, not 1.'],
    [{ debug: 'false' }, "debug must be true or false, not 'false'."],
    [{ wildcard: 'false' }, "wildcard must be true or false, not 'false'."],
  ])('of a cached route are refused with what they should be: %j', (options, message) => {
    expect(() => new ResponseCache(cache, options as never)).toThrow(message)
    expect(() => listen({ responses: options })).toThrow(message)
  })

  it('are told whatever they are', () => {
    const round: unknown[] = []
    round.push(round)
    for (const maxBytes of [5n, round, Symbol('s'), Object.create(null)])
      expect(() => listen({ responses: { maxBytes } })).toThrow(
        'maxBytes must be a number of bytes, such as 1_048_576, not ',
      )
  })

  it.each([
    [{ tag: true }, 'cachingListener takes the options { etag, cacheControl, clearSiteData, responses }, not tag.'],
    [
      { cacheControl: { public: 'page:*' } },
      "public must be true, false, or a list of globs such as ['product:*'], not",
    ],
    [{ cacheControl: { cachestatus: true } }, /^cacheControl takes the options .* not cachestatus\.$/],
    [{ clearSiteData: { alow: () => true } }, 'clearSiteData takes the options { allow }, not alow.'],
    [{ cacheControl: { serverTiming: 'false' } }, "serverTiming must be true or false, not 'false'."],
    [{ cacheControl: { cacheStatus: 1 } }, 'cacheStatus must be true or false, not 1.'],
    [{ cacheControl: 'on' }, /^cacheControl takes the options .*, not 'on'\.$/],
    [{ clearSiteData: { allow: true } }, 'allow must be a function of a request, not true.'],
  ])('of a listener are refused with what they should be: %j', (options, message) => {
    expect(() => listen(options)).toThrow(message)
  })

  it('take a cache, and a handler', () => {
    expect(() => cachingListener(cache, {}, undefined as never)).toThrow('The handler must be a function of a request')
    expect(() => cachingListener(undefined as never, {}, () => {})).toThrow('cachingListener takes a cache')
  })
})

describe('fields', () => {
  const evil = 'a"b\\c\r\nSet-Cookie: d=e, f;g=h \u00e9'

  it('hold what comes from outside as text, and nothing else', () => {
    const member = cacheStatus('cashews', { hit: true, key: evil })
    const [[, parameters]] = parseList(member) as [[unknown, Map<string, unknown>]]
    expect([...parameters.keys()]).toEqual(['hit', 'key'])
    const refusal = Object.assign(new Error(), { code: 'CASHEWS_RATE_LIMIT', limit: 1, remaining: 0, retryAfter: 1 })
    const { fields } = problemOf(refusal, { policy: evil }) ?? expect.fail()
    expect(parseList(fields.ratelimit as string)).toHaveLength(1)
    for (const field of [member, ...Object.values(fields)]) expect(field).not.toMatch(/[\r\n]/)
  })
})
