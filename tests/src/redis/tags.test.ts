import { memory } from '@cashews/backend-memory'
import { redis } from '@cashews/backend-redis'
import { type Cache, createCache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { type CacheTags, createTags } from '@cashews/tags'
import { transaction } from '@cashews/transactions'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { all, patient } from '../support/helpers.ts'
import { PATIENT } from '../support/patience.ts'
import { eventually } from '../support/redis/eventually.ts'
import { redisCluster, redisUrl } from '../support/redis/shared.ts'

const tagged = { ttl: '1h', tags: ['x', 'with "quotes", ],[ and ünïcode'] } as const

const closing: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

interface Process {
  readonly cache: Cache
  readonly tags: CacheTags
  /** The number of round trips since the last call. */
  roundTrips(): number
  /** The last reply of the server. */
  lastAnswer(): unknown
  /** The replies since the last call. */
  told(): unknown[]
}

/** A cache as in another process: nothing is shared but what is stored. */
async function start(namespace: string, options: object = {}): Promise<Process> {
  const client = new Redis(redisUrl())
  let trips = 0
  let underWay = 0
  const told: unknown[] = []
  const send = client.sendCommand.bind(client)
  client.sendCommand = (command, ...rest) => {
    if (underWay++ === 0) trips++
    const answer = send(command, ...rest) as Promise<unknown>
    answer.then(
      (answer) => {
        underWay--
        told.push(answer)
      },
      () => underWay--,
    )
    return answer
  }
  const cache = createCache().setup(redis({ client, namespace, ...options }), PATIENT)
  closing.push(async () => {
    await cache.close()
    client.disconnect()
  })
  const tags = createTags(cache)
  await cache.init()
  // The text of each script is sent once.
  await cache.set('warm', 1, { ttl: 1, tags: ['warm'] })
  await cached(cache, { ttl: 1, key: 'warmer', tags: ['warm'] }, async () => 1)()
  await cached(cache, { ttl: 1, key: 'warmest' }, async () => 1)()
  await cached(cache, { ttl: 1, key: 'warm by result', tags: (tag) => [tag] }, async () => 'warm')()
  await tags.delete('warm')
  return {
    cache,
    tags,
    roundTrips: () => {
      const made = trips
      trips = 0
      return made
    },
    lastAnswer: () => told.at(-1),
    told: () => told.splice(0),
  }
}

describe('tags on Redis', () => {
  let namespace: string
  let own: Process
  let other: Process
  beforeEach(async () => {
    namespace = `tags:${crypto.randomUUID()}:`
    own = await start(namespace)
    other = await start(namespace)
    own.roundTrips()
  })

  it('add no round trip to a write, whether or not their records exist or are known to this process', async () => {
    await own.cache.set('a', 1, tagged)
    expect(own.roundTrips()).toBe(1)
    await own.cache.set('a', 2, tagged)
    expect(own.roundTrips()).toBe(1)
    other.roundTrips()
    await other.cache.setMany({ b: 1, c: 2 }, tagged)
    expect(other.roundTrips()).toBe(1)
    expect(await own.cache.getMany(['a', 'b', 'c'])).toEqual([2, 1, 2])
  })

  it('leave keys that were written together readable and writable one by one', async () => {
    await own.cache.setMany({ a: 1, b: 2 }, tagged)
    for (const [key, value] of [['a', 1] as const, ['b', 2] as const, ['a', 1] as const])
      expect(await own.cache.get(key)).toBe(value)
    await own.cache.set('b', 3, tagged)
    expect(await other.cache.getMany(['a', 'b'])).toEqual([1, 3])
  })

  it('keep a value that is written after another process has deleted its tag, in one round trip', async () => {
    for (const value of [1, 2]) await own.cache.set('a', value, tagged)
    await other.tags.delete('x')
    await other.cache.set('b', 1, tagged)
    own.roundTrips()
    for (const value of [3, 4]) await own.cache.set('a', value, tagged)
    expect(own.roundTrips()).toBe(2)
    expect(await other.cache.get('a')).toBe(4)
    await other.tags.delete('x')
    expect(await own.cache.get('a')).toBeUndefined()
  })

  it('are stored without another look when their records are as this process remembers', async () => {
    await own.cache.set('a', 1, tagged)
    expect(own.lastAnswer()).toHaveProperty('0', 2)
    await own.cache.set('b', { any: 'value' }, tagged)
    expect(own.lastAnswer()).toBe(1)
    await other.tags.delete('x')
    await own.cache.set('b', 3, tagged)
    expect(own.lastAnswer()).toHaveProperty('0', 2)
  })

  it('live as long as their longest-lived value, whatever this process remembers', async () => {
    for (const ttl of ['1s', '1s', '2h', '1s', '1h'] as const) await own.cache.set('a', 1, { ...tagged, ttl })
    const client = new Redis(redisUrl())
    closing.push(() => client.disconnect())
    expect(await client.pttl(`${namespace}\0tag\0=x`)).toBeGreaterThan(2 * 3_600_000)
    await own.cache.set('a', 1, { tags: tagged.tags })
    await own.cache.set('a', 1, tagged)
    expect(await client.pttl(`${namespace}\0tag\0=x`)).toBe(-1)
  })

  it('add no round trip to a read of a key that this process knows', async () => {
    await own.cache.set('a', { deep: 1 }, tagged)
    own.roundTrips()
    expect(await own.cache.get('a')).toEqual({ deep: 1 })
    expect(own.roundTrips()).toBe(1)
    other.roundTrips()
    expect(await other.cache.get('a')).toEqual({ deep: 1 })
    expect(other.roundTrips()).toBe(2)
    expect(await other.cache.get('a')).toEqual({ deep: 1 })
    expect(other.roundTrips()).toBe(1)
  })

  it('add no round trip to a load, nor to a hit', async () => {
    const load = vi.fn(async () => 'v')
    const plain = cached(own.cache, { ttl: '1h', key: 'plain' }, load)
    const withTags = cached(own.cache, { key: 'tagged', ...tagged }, load)
    const byResult = cached(own.cache, { ttl: '1h', key: 'by result', tags: (v) => [v] }, load)
    const count = async (fn: () => Promise<unknown>) => {
      await fn()
      return own.roundTrips()
    }
    const [miss, hit] = [await count(plain), await count(plain)]
    expect([await count(withTags), await count(withTags)]).toEqual([miss, hit])
    expect([await count(byResult), await count(byResult)]).toEqual([miss, hit])
    expect(load).toHaveBeenCalledTimes(3)
  })

  it('are neither read again for the lease of a load nor written by its store, once this process knows them', async () => {
    const get = cached(own.cache, { key: '{id}', ...tagged }, async (id: string) => id)
    for (const id of ['made', 'known']) await get(id)
    own.told()
    await get('like the others')
    expect(own.told()).toEqual([[null, expect.any(Buffer), expect.any(Buffer)], 1, 1])
    await own.tags.delete('x')
    own.told()
    await get('after a deletion')
    expect(own.told()).toEqual([[null, null, expect.any(Buffer)], 1, [2, expect.any(Number), expect.any(Number)]])
  })

  it('live as long as the longest-lived value that a load has stored, also when this process knows them', async () => {
    const raw = new Redis(redisUrl())
    closing.push(() => raw.disconnect())
    const left: number[] = []
    for (const [at, ttl] of (['1s', '1s', '2h', '1s'] as const).entries()) {
      await cached(own.cache, { key: `${at}`, ttl, tags: ['x'] }, async () => {
        left.push(await raw.pttl(`${namespace}\0tag\0=x`))
      })()
    }
    expect(Math.min(...left)).toBeGreaterThan(149_000)
    expect(await raw.pttl(`${namespace}\0tag\0=x`)).toBeGreaterThan(2 * 3_600_000)
  })

  it('are deleted in one round trip', async () => {
    await own.cache.set('a', 1, tagged)
    own.roundTrips()
    await own.tags.delete('x', 'y')
    expect(own.roundTrips()).toBe(1)
    expect(await other.cache.get('a')).toBeUndefined()
  })

  it('live as long as their longest-lived key, whichever process wrote last', async () => {
    await own.cache.set('long', 1, { ttl: '2h', tags: ['x'] })
    await other.cache.set('short', 1, { ttl: 1, tags: ['x'] })
    await own.cache.setMany({ forever: 1 }, { ttl: Number.POSITIVE_INFINITY, tags: ['y'] })
    await other.cache.set('short', 1, { ttl: 1, tags: ['y'] })
    const raw = new Redis(redisUrl())
    closing.push(() => raw.disconnect())
    const leftOf = (tag: string) => raw.pttl(`${namespace}\0tag\0=${tag}`)
    expect(await leftOf('x')).toBeGreaterThan(7_200_000)
    expect(await leftOf('y')).toBe(-1)
    await own.tags.delete('x')
    expect(await own.cache.get('long')).toBeUndefined()
  })

  it('keep a load from being stored when another process has deleted them, known to this process or not', async () => {
    await cached(own.cache, { key: 'before', ...tagged }, async () => 0)()
    let deleted = 0
    const load = cached(own.cache, { key: 'k', ...tagged }, async () => {
      if (deleted++ === 0) await other.tags.delete('x')
      return deleted
    })
    expect([await load(), await load(), await load()]).toEqual([1, 2, 2])
  })

  it('keep a load from being stored when they were deleted, also if others have used them since', async () => {
    const get = cached(own.cache, { key: '{id}', ...tagged }, async (id: string) => {
      await other.tags.delete('x')
      await other.cache.set('another', 1, tagged)
      return id
    })
    for (const id of ['unknown', 'known']) {
      await get(id)
      expect(own.lastAnswer()).toBe(0)
    }
  })

  it('let scans find a key of another kind, and report nothing, even when it is the only one', async () => {
    const errors: unknown[] = []
    const cache = createCache({ onError: (error) => errors.push(error) })
    cache.setup(redis({ url: redisUrl(), namespace: `test:${crypto.randomUUID()}:` }), PATIENT)
    closing.push(() => cache.close())
    createTags(cache)
    await cache.set('tagged', 1, { ttl: '1h', tags: ['x'] })
    await cache.setAdd('other', ['member'])
    expect(await all(cache.scan('other'))).toEqual(['other'])
    expect(await all(cache.getMatch('other'))).toEqual([])
    expect(await cache.getMany(['other'])).toEqual([undefined])
    expect(errors).toEqual([])
  })

  it('let many keys be deleted together', async () => {
    const keys = Array.from({ length: 300 }, (_, at) => `k:${at}`)
    await own.cache.setMany(keys.map((key) => [key, 1] as const))
    await own.cache.setMany({ 'k:0': 1, 'k:1': 1 }, { ttl: '1h', tags: ['x'] })
    await own.cache.setMany({ 'k:2': 1, 'k:3': 1 }, { ttl: '1h', tags: ['y'] })
    await other.tags.delete('y')
    own.told()
    expect(await own.cache.deleteMany([...keys, ...keys])).toBe(298)
    expect(own.told().length).toBeLessThan(6)
  })

  it('let a value be deleted that cannot be read', async () => {
    const { cache } = await start(namespace, { strict: true })
    const client = new Redis(redisUrl())
    closing.push(() => client.disconnect())
    for (const key of ['one', 'many', 'match:1']) await client.set(namespace + key, 'foreign')
    expect(await cache.delete('one')).toBe(true)
    expect(await cache.deleteMany(['many'])).toBe(1)
    expect(await cache.deleteMatch('match:*')).toBe(1)
  })

  it('are restored with a raw value', async () => {
    await own.cache.set('a', { deep: 1 }, tagged)
    const raw = await own.cache.getRaw('a')
    await own.cache.delete('a')
    expect(await other.cache.setRaw('a', raw)).toBe(true)
    expect(await other.tags.of('a')).toEqual(tagged.tags)
    await own.tags.delete('x')
    expect(await other.cache.setRaw('a', raw)).toBe(false)
    expect(await other.cache.get('a')).toBeUndefined()
  })

  it('are not confused with a value that only looks like one with tags', async () => {
    const head = Buffer.from('\xc6ctags\x01\x00\x00\x00\x00\x09[["x"]]..', 'latin1')
    await own.cache.setRaw('odd', head)
    expect(await own.cache.get('odd')).toBeUndefined()
  })
})

describe('signed or encrypted values', () => {
  it.each([
    ['signed', { secret: 'a secret of 32 characters, or so' }],
    ['encrypted', { secret: 'a secret of 32 characters, or so', encryption: true }],
  ])('and %s are read by other processes, with tags and from transactions', async (_, options) => {
    const namespace = `tags:${crypto.randomUUID()}:`
    const own = await start(namespace, options)
    const other = await start(namespace, options)
    await own.cache.set('a', { deep: 1 }, tagged)
    await transaction(own.cache, async () => {
      await own.cache.set('b', { deep: 2 })
      await own.cache.set('c', { deep: 3 }, tagged)
    })
    expect(await other.cache.getMany(['a', 'b', 'c'])).toEqual([{ deep: 1 }, { deep: 2 }, { deep: 3 }])
    await own.tags.delete('x')
    expect(await other.cache.getMany(['a', 'b', 'c'])).toEqual([undefined, { deep: 2 }, undefined])
  })
})

describe('tags on a Redis Cluster', () => {
  it('work whatever slots the keys and the tags are in', async () => {
    const namespace = `tags:${crypto.randomUUID()}:`
    const make = () => {
      const cache = createCache().setup(redis({ cluster: redisCluster(), namespace }), PATIENT)
      closing.push(() => cache.close())
      return { cache, tags: createTags(cache) }
    }
    const [own, other] = [make(), make()]
    const keys = Array.from({ length: 20 }, (_, at) => `k${at}`)
    await own.cache.setMany(Object.fromEntries(keys.map((key) => [key, key])), tagged)
    await own.cache.set('together{x}', 1, { ttl: '1h', tags: ['{x}'] })
    const load = vi.fn(async () => 1)
    const get = cached(other.cache, { key: 'f', ...tagged }, load)
    await get()
    await get()
    expect(load).toHaveBeenCalledTimes(1)
    expect(await other.cache.getMany([...keys, 'together{x}'])).toEqual([...keys, 1])
    await other.tags.delete('x', '{x}')
    expect(await own.cache.getMany([...keys, 'together{x}', 'f'])).toEqual(Array(22).fill(undefined))
    await get()
    expect(load).toHaveBeenCalledTimes(2)
  })
})

it('a hit of a client-side copy is counted once, also in a process that uses tags', async () => {
  const backend = redis({ url: redisUrl(), namespace: `tags:${crypto.randomUUID()}:`, clientSide: true })
  await using cache = createCache().setup(backend, PATIENT)
  const tags = createTags(cache)
  const get = cached(cache, { ttl: '1h', key: 'a' }, async () => 1)
  await tags.delete('x')
  await eventually(() => backend.clientSide?.live)
  const hits = () => backend.clientSide?.hits ?? 0
  await eventually(async () => (await get()) && hits() > 0)

  const before = hits()
  await get()
  expect(hits()).toBe(before + 1)
})

describe('records of tags in Redis', () => {
  it('invalidate values that each process keeps in memory', async () => {
    const namespace = `tags:${crypto.randomUUID()}:`
    const make = () => {
      const cache = createCache().setup(memory())
      closing.push(() => cache.close())
      return { cache, tags: createTags(cache, { backend: patient(redis({ url: redisUrl(), namespace })) }) }
    }
    const [own, other] = [make(), make()]
    await own.cache.set('a', 1, tagged)
    expect(await own.cache.get('a')).toBe(1)
    await other.tags.delete('x')
    expect(await own.cache.get('a')).toBeUndefined()
  })

  it('invalidate values in another Redis', async () => {
    const name = crypto.randomUUID()
    const cache = createCache().setup(redis({ url: redisUrl(), namespace: `values:${name}:` }), PATIENT)
    closing.push(() => cache.close())
    const tags = createTags(cache, { backend: patient(redis({ url: redisUrl(), namespace: `tags:${name}:` })) })
    await cache.set('a', 1, tagged)
    expect(await cache.get('a')).toBe(1)
    await tags.delete('x')
    expect(await cache.get('a')).toBeUndefined()
  })
})

it('deleting keys by a pattern does not delete tags with matching names, also in a process without tags', async () => {
  const namespace = `tags:${crypto.randomUUID()}:`
  const { cache } = await start(namespace)
  const plain = createCache().setup(redis({ url: redisUrl(), namespace }), PATIENT)
  closing.push(() => plain.close())
  await cache.set('a', 1, { ttl: '1h', tags: ['user:7'] })
  await plain.set('b:7', 1)
  expect(await plain.deleteMatch('*:7')).toBe(1)
  expect(await cache.get('a')).toBe(1)
})
