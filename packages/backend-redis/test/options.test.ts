import { inspect } from 'node:util'
import { type RedisOptions, redis } from '@cashews/backend-redis'
import { ConfigurationError } from '@cashews/core'
import { Cluster, Redis } from 'ioredis'
import { afterEach, describe, expect, it, vi } from 'vitest'

const lazy = { lazyConnect: true, maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false } as const

afterEach(() => vi.restoreAllMocks())

describe('the options of redis', () => {
  it.each([
    [{ hots: 'localhost' }, /redis takes the options .*host.*codec.* not hots/],
    [{ clientSide: { max: 1 } }, /redis takes the options .*size, bytes, maxTtl.* not max\./],
    [{ clientSide: { maxStale: 0.01 } }, /maxStale/],
    [{ clientSide: { maxStale: Number.POSITIVE_INFINITY } }, /maxStale/],
    [{ host: 'a', cluster: ['b'] }, /several addresses/],
    [{ sentinels: ['a'] }, /name of their master/],
    [{ sentinels: [], name: 'main' }, /name of their master/],
    [{ cluster: [] }, /at least one address/],
    [{ cluster: ['a'], db: 1 }, /database 0 only/],
    [{ cluster: ['a:b'] }, /is not an address/],
    [{ cluster: [null] }, /null is not an address/],
    [{ sentinels: ['a b'], name: 'main' }, /is not an address/],
    [{ host: '' }, /is not an address/],
    [{ host: 'localhost:6380' }, /is not an address/],
    [{ host: 'redis://localhost' }, /is not an address/],
    [{ cluster: [{ host: 'a:1' }] }, /^{ host: 'a:1', port: undefined } is not an address/],
    [{ cluster: [{ host: 'a', port: null }] }, /^{ host: 'a', port: null } is not an address/],
    [{ cluster: [{ host: 'a', port: 1n }] }, /^{ host: 'a', port: 1n } is not an address/],
    [{ cluster: ['redis://:geheim@a'] }, /^'redis:\/\/\*\*\*@a' is not an address/],
    [{ host: 5 }, /"host" of redis must be text\.$/],
    [{ port: 70_000 }, /"port" of redis must be a whole number from 1 to 65535, not 70000\./],
    [{ port: 0 }, /"port" of redis must be a whole number from 1 to 65535, not 0\./],
    [{ port: 65_536 }, /"port" of redis must be a whole number from 1 to 65535, not 65536\./],
    [{ port: '6379' }, /"port" of redis must be a whole number from 1 to 65535, not '6379'\./],
    [{ url: 'redis://host', port: null }, /"port" of redis must be .*, not null\./],
    [{ namespace: 'a{b' }, /stray braces/],
    [{ namespace: '' }, /must not be empty: clear would delete every key/],
    [{ url: 'redis://host?namespace=' }, /must not be empty/],
    [{ namespace: '{}' }, /stray braces/],
    [{ namespace: 'a\0' }, /must be plain text/],
    [{ namespace: '\ud800' }, /must be plain text/],
    [{ client: {} }, /client of ioredis/],
    [{ client: null }, /client of ioredis/],
    [{ client: { callBuffer() {} } }, /client of ioredis/],
    [{ sentinels: ['a'], name: '' }, /Sentinels need the name of their master/],
    [{ sentinels: [], name: 'main' }, /Sentinels need the name of their master/],
    [{ host: 'a', path: '/b' }, /several addresses/],
    [{ name: 'main' }, /Give sentinels too/],
    [{ client: new Redis(lazy), db: 1 }, /"db" of redis cannot be used with "client".*where the client is created/],
    [{ client: new Redis(lazy), url: 'rediss:///' }, /"tls" of redis cannot be used with "client"/],
    [{ client: new Redis(lazy), connection: {} }, /"connection" of redis cannot be used with "client"/],
    [{ cluster: ['a'], port: 1 }, /"port" of redis cannot be used with "cluster"/],
    [{ path: '/a', port: 1 }, /"port" of redis cannot be used with "path"/],
    [{ clusterOptions: {} }, /"clusterOptions" of redis cannot be used with "host".*port, db/],
    [{ connection: { db: 1 } }, /"connection" of redis must not hold "db": it is an option of its own/],
    [null, /takes an object of settings/],
    ['redis://localhost', /takes an object of settings/],
    [{ cluster: 'a:1' }, /"cluster" of redis must be a list of addresses/],
    [{ db: -1 }, /"db" of redis must be a whole number/],
    [{ db: 0.5 }, /"db" of redis must be a whole number from 0, not 0\.5/],
    [{ url: 'redis://host?db=-1' }, /"db" of redis must be a whole number/],
    [{ url: 5 }, /"url" of redis must be text/],
    [{ url: undefined }, /"url" of redis is undefined; leave it out for localhost:6379/],
    [{ host: undefined }, /"host" of redis is undefined/],
    [{ cluster: undefined }, /"cluster" of redis is undefined/],
    [{ namespace: 5 }, /"namespace" of redis must be text/],
    [{ tls: 'yes' }, /"tls" of redis must be true, false or an object of settings\./],
    [{ tls: Buffer.from('a certificate') }, /"tls" of redis must be true, false or an object of settings\.$/],
    [{ tls: Promise.resolve({}) }, /"tls" of redis must be true, false or an object of settings\.$/],
    [{ connection: ['a'] }, /"connection" of redis must be an object of settings\.$/],
    [{ connection: new Date() }, /"connection" of redis must be an object of settings\.$/],
    [{ clientSide: null }, /"clientSide" of redis must be true, false or .*, not null\./],
    [{ clientSide: [] }, /"clientSide" of redis must be true, false or .*, not \[\]\./],
    [
      { clientSide: { bytes: '64mb' } },
      /bytes of the client-side cache of redis must be a whole number from 1 on, not '64mb'/,
    ],
    [{ connection: { keyPrefix: 'p:' } }, /must not hold "keyPrefix": the backend decides on it/],
    [{ cluster: ['a'], clusterOptions: { scaleReads: 'all' } }, /must not hold "scaleReads"/],
    [{ codec: 'pickle' }, /codec/],
  ] as [RedisOptions, RegExp][])('%o is refused with the reason', (options, reason) => {
    const make = () => redis(options)
    expect(make).toThrow(reason)
    expect(make).toThrow(ConfigurationError)
  })

  it.each([{ db: 0 }, { port: 1 }, { port: 65_535 }])('%o is accepted', (options) => {
    expect(redis(options).name).toBe('redis')
  })

  it('refuses a cluster that reads from replicas, which lag behind', () => {
    const client = new Cluster([{ host: 'a', port: 1 }], { lazyConnect: true, scaleReads: 'slave' })
    expect(() => redis({ client })).toThrow(/scaleReads to 'master'/)
  })

  it('refuses a client that writes a prefix of its own before each key', () => {
    expect(() => redis({ client: new Redis({ ...lazy, keyPrefix: 'p:' }) })).toThrow(/namespace/)
  })

  it.each([
    [{ stringNumbers: true }, /stringNumbers/],
    [{ protocol: 3, replyMapping: 'resp3' }, /replyMapping "legacy", not "resp3"/],
  ] as const)('refuses a client or cluster that answers in another form: %o', (options, reason) => {
    const redisOptions = { ...lazy, ...options }
    expect(() => redis({ client: new Redis(redisOptions) as Redis })).toThrow(reason)
    const cluster = new Cluster([{ host: 'a', port: 1 }], { lazyConnect: true, redisOptions })
    expect(() => redis({ client: cluster as Cluster })).toThrow(reason)
  })

  it('warns of a client that sends commands twice', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    redis({ client: new Redis({ lazyConnect: true }) })
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0'),
      { code: 'CASHEWS_REDIS_CLIENT' },
    )
    redis({ client: new Redis(lazy) })
    expect(warn).toHaveBeenCalledTimes(1)
  })

  it('warns of a cluster that sends commands again when their caller may have given up', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const safe = { lazyConnect: true, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 }
    redis({ client: new Cluster([{ host: 'a', port: 1 }], safe) })
    expect(warn).not.toHaveBeenCalled()
    redis({ client: new Cluster([{ host: 'a', port: 1 }], { lazyConnect: true }) })
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('should have retryDelayOnFailover: 0, retryDelayOnClusterDown: 0.'),
      { code: 'CASHEWS_REDIS_CLIENT' },
    )
  })

  it('accepts any object with the shape of a client, such as one of another copy of ioredis', () => {
    const client = new Redis(lazy)
    const other = new Proxy(client, { getPrototypeOf: () => Object.prototype })
    expect(redis({ client: other }).name).toBe('redis')
  })

  it('reports copies of unknown age until a server reports changes', () => {
    expect(redis({ clientSide: true }).clientSide).toMatchObject({ live: false, staleness: Number.POSITIVE_INFINITY })
    expect(redis().clientSide).toBeUndefined()
  })

  it('never shows a password', async () => {
    const store = redis({ url: 'redis://user:geheim@127.0.0.1:1' })
    const refused = await Promise.resolve(store.open({ removed() {}, error() {} })).catch((error) => error)
    expect(refused).toMatchObject({ code: 'CASHEWS_BACKEND_UNAVAILABLE' })
    expect(inspect([store, refused], { depth: 20, showHidden: true })).not.toContain('geheim')
    await store.close()
  })
})
