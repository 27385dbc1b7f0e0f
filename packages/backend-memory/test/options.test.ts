import { memory } from '@cashews/backend-memory'
import { ConfigurationError, createCache, TtlError } from '@cashews/core'
import { describe, expect, it } from 'vitest'

describe('the options of memory', () => {
  it.each([
    ['size', 0],
    ['size', -1],
    ['size', 1.5],
    ['size', Number.NaN],
    ['size', Number.POSITIVE_INFINITY],
    ['size', 2 ** 22 + 1],
    ['maxBytes', 0],
    ['maxBytes', Number.NaN],
    ['isolation', 'copy'],
    ['isolation', 'toString'],
    ['eviction', 'fifo'],
    ['clock', {}],
    ['clock', null],
  ])('refuse %s: %s, and say what it may be', (name, value) => {
    const make = () => memory({ [name]: value })
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(
      new RegExp(`^${name} of memory must be .*, not .*${Object(value) === value ? 'Object' : value}`),
    )
  })

  it('refuse a name that does not exist, and name those that do', () => {
    const make = () => memory({ maxSize: 1 } as object)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(/size, maxBytes, isolation, eviction, checkInterval, clock .*not maxSize/)
  })

  it.each(['soon', -1, ''])('refuse checkInterval: %j as a time', (checkInterval) => {
    expect(() => memory({ checkInterval: checkInterval as never })).toThrow(TtlError)
    expect(() => memory({ checkInterval: checkInterval as never })).toThrow('is not a valid checkInterval (0: never)')
  })

  it('can be written in a URL, with or without underscores', () => {
    const store = memory.fromUrl('mem://?size=2&check_interval=0&max_bytes=1mb&isolation=none&eviction=sieve')
    const value = { a: 1 }
    for (const key of ['a', 'b', 'c']) store.set(key, value, 1_000)
    expect(store.count()).toBe(2)
    expect(store.get('c')).toBe(value)
  })

  it.each(['mem://size=10', 'mem:size=10', 'mem://host/path?size=10', 'mem:///tmp'])(
    'says where the options go in a URL with an address: %s',
    (url) => {
      const setup = () => createCache({ drivers: [memory] }).setup(url)
      expect(setup).toThrow(ConfigurationError)
      expect(setup).toThrow(`${url} has an address. Only options may follow, as in mem://?size=10000.`)
    },
  )

  it.each(['mem://?size=0', 'mem://?size=many', 'mem://?isolation=copy', 'mem://?sise=10', 'mem://?clock=utc'])(
    'refuse %s',
    (url) => {
      expect(() => memory.fromUrl(url)).toThrow(ConfigurationError)
    },
  )

  it('given beside a URL take precedence over those in it', () => {
    const store = memory.fromUrl('mem://?size=1', { size: 2 })
    for (const key of ['a', 'b']) store.set(key, 1, 1_000)
    expect(store.count()).toBe(2)
  })

  it('of a URL stay when they are undefined beside it', () => {
    const store = memory.fromUrl('mem://?size=1', { size: undefined })
    for (const key of ['a', 'b']) store.set(key, 1, 1_000)
    expect(store.count()).toBe(1)
  })

  it('reach the store through a cache', async () => {
    await using cache = createCache({ drivers: [memory] })
    cache.setup('mem://?size=1', { isolation: 'none' })
    const value = { a: 1 }
    await cache.set('a', value)
    await cache.set('b', value)
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.get('b')).toBe(value)
  })
})
