import { redis } from '@cashews/backend-redis'
import { ConfigurationError } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { parseUrl } from '../src/settings/url.ts'

describe('the URL of a Redis', () => {
  it.each([
    ['redis://', {}],
    ['redis://localhost', { host: 'localhost', port: 6379 }],
    ['REDIS://10.0.0.1:7000/2', { host: '10.0.0.1', port: 7000, db: 2 }],
    ['redis://[::1]:7000', { host: '::1', port: 7000 }],
    ['rediss://host', { tls: true, host: 'host', port: 6379 }],
    ['redis://host?db=3&name=n', { host: 'host', port: 6379, db: 3, name: 'n' }],
    ['redis://user:@host', { username: 'user', host: 'host', port: 6379 }],
    ['redis+unix:///run/app@1.sock', { path: '/run/app@1.sock' }],
    ['redis+unix:///run/redis.sock?db=1', { path: '/run/redis.sock', db: 1 }],
    ['redis+unix://user:pass@/run/redis.sock', { username: 'user', password: 'pass', path: '/run/redis.sock' }],
    [
      'redis+sentinel://a,b:7000/main/2',
      {
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 7000 },
        ],
        name: 'main',
        db: 2,
      },
    ],
    [
      'redis+sentinel://a/main?sentinel_username=u&sentinel_password=p',
      {
        sentinels: [{ host: 'a', port: 26_379 }],
        name: 'main',
        connection: { sentinelUsername: 'u', sentinelPassword: 'p' },
      },
    ],
    ['redis+sentinel://a', { sentinels: [{ host: 'a', port: 26_379 }] }],
    ['redis+cluster://a?cluster=1', { cluster: [{ host: 'a', port: 6379 }] }],
    ['redis+cluster://a/3', { cluster: [{ host: 'a', port: 6379 }], db: 3 }],
    ['rediss+cluster://a:1', { tls: true, cluster: [{ host: 'a', port: 1 }] }],
    ['redis://a?cluster=true', { cluster: [{ host: 'a', port: 6379 }] }],
    [
      'redis://a?client_name=app&socket_timeout=0.5&socket_connect_timeout=2&client_side_prefix=p:',
      {
        host: 'a',
        port: 6379,
        namespace: 'p:',
        connection: { connectionName: 'app', commandTimeout: 500, connectTimeout: 2_000 },
      },
    ],
    ['redis://a?client_side=1', { host: 'a', port: 6379, clientSide: true }],
    [
      'redis://a?client_side_size=10&client_side_max_stale=0.5&client_side_max_ttl=1m',
      { host: 'a', port: 6379, clientSide: { size: 10, maxStale: 0.5, maxTtl: 60 } },
    ],
    ['redis://a?clientSide=0&clientSideSize=10', { host: 'a', port: 6379, clientSide: false }],
    ['redis://a?codec=json&secrets=new,old', { host: 'a', port: 6379, codec: 'json', secrets: ['new', 'old'] }],
  ])('%s is read whole', (url, options) => {
    expect(parseUrl(url)).toEqual(options)
  })

  it.each(['simple', 'p@ss', 'a:b', 'sl/ash', 'ha#sh', '100%', 'per%cent', ' ', 'é🥔', '=&+'])(
    'keeps the password %j as it is',
    (password) => {
      expect(parseUrl(`redis://user:${password}@host/1`)).toMatchObject({ username: 'user', password, db: 1 })
      expect(parseUrl(`redis://:${encodeURIComponent(`${password}?`)}@host`).password).toBe(`${password}?`)
    },
  )

  it.each([
    ['localhost:6379', /is not a URL of Redis.*Known schemes/],
    ['http://host', /Known schemes: redis, rediss/],
    ['redis://host?sizes=1', /takes the options \{ db, namespace.* not sizes/],
    ['redis://host/one', /database/],
    ['redis://host/1/2', /has "\/2" after the database/],
    ['redis+cluster://host/0/2', /after the database/],
    ['redis+sentinel://host/main/1/2', /after the database/],
    ['redis+sentinel://host/main?cluster=1', /"cluster" .* cannot be used with redis\+sentinel/],
    ['redis://ho st', /is not an address/],
    ['redis://:pass@ho st', /^redis:\/\/\*\*\*@ho st is not an address/],
    ['redis://host/1#main', /^redis:\/\/host\/1 has text after a #.*%23/],
    ['redis://host?secrets=a#b', /secrets=\*\*\* has text after a #.*%23/],
    ['redis://host?family=5', /"family" .* is 4, 6, or 0 for both, not 5/],
    ['redis://host:port', /is not an address/],
    ['redis://host?db=one', /db/],
    ['redis+cluster://a,,b', /is not an address/],
    ['redis://a,b', /several hosts.*redis\+cluster/],
    ['redis+unix://', /no socket.*three slashes/],
    ['redis+unix://run/redis.sock', /no socket.*three slashes/],
    ['redis://:p?w@host', /\? in a password.*%3F/],
  ])('%s is refused with the reason', (url, reason) => {
    expect(() => parseUrl(url)).toThrow(ConfigurationError)
    expect(() => parseUrl(url)).toThrow(reason)
  })

  it.each([
    'http://user:geheim@host',
    'redis://user:gehe/im@host:port',
    'redis://:geheim@host/one',
    'redis://:geheim@host?unknown=1',
    'redis://:geheim?geheim@host',
    'redis://host/1?password=geheim&unknown=1',
  ])('is never shown with its secrets: %s', (url) => {
    expect(() => parseUrl(url)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('geheim') }))
  })
})

describe('redis from a URL', () => {
  it('lets options beside the URL win', () => {
    expect(() => redis.fromUrl('redis://host', { namespace: '{' })).toThrow(/stray braces/)
  })

  it('keeps an option that is undefined beside the URL', () => {
    expect(() => redis.fromUrl('redis://host?namespace={', { namespace: undefined })).toThrow(/stray braces/)
  })
})
