import { BackendError, BackendUnavailableError, type Cache, COMMANDS, type Command, createCache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { all, altered, fakeTime, gate, hangs, run, settle, sickStore, syncStore } from './support/helpers.ts'

const READS = new Set<Command>([
  'get',
  'getMany',
  'getRaw',
  'getMatch',
  'scan',
  'exists',
  'getExpire',
  'getSize',
  'isLocked',
  'getBits',
  'getTags',
  'ping',
])
/** Their time grows with the number of keys. */
const BULK = new Set<Command>(['clear', 'deleteMatch', 'getKeysCount'])

const names = (count: number) => Array.from({ length: count }, (_, nth) => `k${nth}`)

describe('a store in trouble', () => {
  let store: ReturnType<typeof sickStore>
  let cache: Cache
  const onError = vi.fn()
  const unavailable = vi.fn()
  const available = vi.fn()
  beforeEach(async () => {
    fakeTime()
    for (const mock of [onError, unavailable, available]) mock.mockReset()
    store = sickStore()
    cache = createCache({ onError }).setup(store)
    cache.on('unavailable', unavailable)
    cache.on('available', available)
    await cache.init()
    store.health.asked.length = 0
  })
  afterEach(async () => {
    await cache.close()
    vi.useRealTimers()
  })

  const refuses = () => Promise.reject(new BackendUnavailableError('away'))
  const complains = () => Promise.reject(new BackendError('out of memory'))

  /** Runs a command, and returns its outcome and how many milliseconds it took. */
  const timed = async (command: Command): Promise<{ readonly after: number; readonly answer: unknown }> => {
    const started = Date.now()
    let ended: number | undefined
    const answer = run(cache, command)
      .catch((error: Error) => error)
      .finally(() => {
        ended = Date.now()
      })
    await settle()
    while (ended === undefined && Date.now() - started < 100_000) await vi.advanceTimersByTimeAsync(10)
    if (ended === undefined) return { after: Number.POSITIVE_INFINITY, answer: 'never' }
    return { after: ended - started, answer: await answer }
  }

  describe('that never answers', () => {
    beforeEach(() => {
      store.health.illness = hangs
    })

    it.each(COMMANDS.filter((command) => !BULK.has(command)))(
      'keeps a caller of %s within the budget',
      async (command) => {
        const { after, answer } = await timed(command)
        expect(after).toBe(READS.has(command) ? 100 : 250)
        if (command === 'ping') expect(answer).toBeInstanceOf(BackendUnavailableError)
        else expect(answer).not.toBeInstanceOf(Error)
      },
    )

    it.each<readonly [string, number, () => Promise<unknown>]>([
      ['getMany of 1,000 keys', 100, () => cache.getMany(names(1_000))],
      ['getMany of 1,001 keys', 200, () => cache.getMany(names(1_001))],
      ['getMany of 50,000 keys', 6_400, () => cache.getMany(names(50_000))],
      ['setMany of 2,000 keys', 500, () => cache.setMany(names(2_000).map((key) => [key, 1] as const))],
      ['deleteMany of 2,000 keys', 500, () => cache.deleteMany(names(2_000))],
      ['setAdd of 2,000 members', 500, () => cache.setAdd('k', names(2_000))],
      ['setRemove of 2,000 members', 500, () => cache.setRemove('k', names(2_000))],
      ['getBits of 2,000 bits', 200, () => cache.getBits('k', [...names(2_000).keys()])],
      ['incrBits of 2,000 bits', 500, () => cache.incrBits('k', [...names(2_000).keys()])],
      ['the deletion of 2,000 tags', 500, () => createTags(cache).delete(...names(2_000))],
      ['the expiry of 2,000 tags', 500, () => createTags(cache).expire(...names(2_000))],
    ])('has for %s, in ms: %i', async (_, budget, ask) => {
      const ended = vi.fn()
      void ask().then(ended)
      await settle()
      await vi.advanceTimersByTimeAsync(budget - 5)
      expect(ended).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(5)
      expect(ended).toHaveBeenCalledTimes(1)
    })

    it('has the whole budget after a long busy turn that sent the request at its end', async () => {
      const answer = Promise.withResolvers<unknown>()
      store.health.illness = () => answer.promise as Promise<never>
      const reading = cache.get('k', 'too late')
      vi.advanceTimersByTime(1_000)
      await settle()
      await vi.advanceTimersByTimeAsync(90)
      answer.resolve('in time')
      expect(await reading).toBe('in time')
    })

    it.each([...BULK])('keeps a caller of %s no longer than a minute', async (command) => {
      const { after } = await timed(command)
      expect(after).toBeLessThanOrEqual(60_000)
    })

    it('is skipped after two failures in a row', async () => {
      await timed('get')
      await timed('get')
      store.health.asked.length = 0
      for (const command of COMMANDS) expect((await timed(command)).after).toBe(0)
      expect(store.health.asked).toEqual([])
    })

    it('costs a cached call one budget on top of its function, and nothing once it is skipped', async () => {
      const wrapped = cached(cache, { ttl: 10, key: 'k:{0}' }, async (id: number) => id)
      const call = async (id: number) => {
        const started = Date.now()
        const answer = wrapped(id).then((result) => ({ result, after: Date.now() - started }))
        await vi.advanceTimersByTimeAsync(400)
        return answer
      }
      expect(await call(1)).toEqual({ result: 1, after: 350 })
      expect(await call(2)).toEqual({ result: 2, after: 0 })
    })

    it('ends a stream that has begun', async () => {
      store.health.illness = undefined
      await cache.setMany({ a: 1, b: 2 })
      const keys: string[] = []
      const reading = (async () => {
        for await (const key of cache.scan('*', { batchSize: 1 })) {
          keys.push(key)
          store.health.illness = hangs
        }
      })()
      await vi.advanceTimersByTimeAsync(1_000)
      await reading
      expect(keys.length).toBeGreaterThan(0)
    })

    it('ends a stream of pairs whose values it does not deliver', async () => {
      store.health.illness = undefined
      await cache.setMany({ a: 1, b: 2 })
      const pairs = all(cache.getMatch('*', { batchSize: 1 })).catch(() => 'refused')
      store.health.illness = hangs
      await vi.advanceTimersByTimeAsync(1_000)
      expect(await pairs).toEqual([])
    })
  })

  it('that answers late is waited for by each caller for its own budget, whoever else asks', async () => {
    await cache.set('a', 'stored')
    const answers = async (after: number) => {
      store.health.illness = undefined
      if (after > 0)
        store.health.illness = () => new Promise((resolve) => setTimeout(() => resolve('late' as never), after))
      const started = Date.now()
      const answer = await cache.get('a', 'fallback')
      return [answer, Date.now() - started]
    }
    const first = answers(200) // from 0 to 100: timed out
    await vi.advanceTimersByTimeAsync(40)
    const second = answers(90) // from 40 to 130: in time, after the first timed out
    await vi.advanceTimersByTimeAsync(20)
    const third = answers(10) // from 60 to 70: in time, and then the last command
    await vi.advanceTimersByTimeAsync(20)
    const fourth = answers(200) // from 80 to 180: timed out
    await vi.advanceTimersByTimeAsync(500)
    expect(await Promise.all([first, second, third, fourth])).toEqual([
      ['fallback', 100],
      ['late', 90],
      ['late', 10],
      ['fallback', 100],
    ])
    expect(unavailable).not.toHaveBeenCalled()
  })

  it('ends a stream at the source when its reader leaves', async () => {
    const ended = vi.fn()
    const endless = altered(store, {
      scan: async function* () {
        try {
          for (let at = 0; ; at++) yield `key ${at}`
        } finally {
          ended()
        }
      },
    })
    const leaving = createCache({ onError }).setup(endless)
    for await (const key of leaving.scan('*')) if (key === 'key 5') break
    await settle()
    expect(ended).toHaveBeenCalledTimes(1)
    await leaving.close()
  })

  it('that cannot be reached answers as if it were empty', async () => {
    store.health.illness = refuses
    expect(await cache.get('key', 'fallback')).toBe('fallback')
    expect(await cache.getMany(['a', 'b'], 0)).toEqual([0, 0])
    expect(await cache.set('key', 1)).toBe(false)
    expect(await cache.incr('key')).toBe(0)
    expect(await all(cache.scan('*'))).toEqual([])
    expect(await all(cache.getMatch('*'))).toEqual([])
    expect(await cache.getExpire('key')).toBeUndefined()
    expect(await cache.exists('key')).toBe(false)
    await cache.clear()
    await cache.setMany({ a: 1 })
  })

  it('rejects ping, whatever suppress is', async () => {
    store.health.illness = refuses
    for (let at = 0; at < 3; at++) await expect(cache.ping()).rejects.toThrow(BackendUnavailableError)
  })

  it('is reported once for each outage', async () => {
    store.health.illness = refuses
    for (let at = 0; at < 100; at++) await cache.get(`${at}`)
    await vi.advanceTimersByTimeAsync(10_000)
    for (let at = 0; at < 100; at++) await cache.set(`${at}`, at)
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.any(BackendUnavailableError))
    expect(unavailable).toHaveBeenCalledTimes(1)
    expect(unavailable).toHaveBeenCalledWith(
      expect.objectContaining({ backend: expect.objectContaining({ name: 'sick' }) }),
    )
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(2_000)
    expect(available).toHaveBeenCalledTimes(1)
    store.health.illness = refuses
    for (let at = 0; at < 10; at++) await cache.get(`${at}`)
    expect(onError).toHaveBeenCalledTimes(2)
  })

  it('is reported when one call fails and no other follows', async () => {
    store.health.illness = hangs
    await timed('set')
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.any(BackendUnavailableError))
    expect(unavailable).not.toHaveBeenCalled()
    await timed('get')
    expect(unavailable).toHaveBeenCalledTimes(1)
    expect(onError).toHaveBeenCalledTimes(1)
  })

  it('is reported although another error of the store was reported a moment before', async () => {
    store.health.illness = complains
    await cache.set('key', 1)
    store.health.illness = refuses
    for (let at = 0; at < 10; at++) await cache.get('key')
    expect(onError).toHaveBeenCalledTimes(2)
    expect(onError).toHaveBeenLastCalledWith(expect.any(BackendUnavailableError))
  })

  it('is reported at intervals while calls fail one by one', async () => {
    for (let at = 0; at < 10; at++) {
      store.health.illness = refuses
      await cache.get('key')
      store.health.illness = undefined
      await cache.get('key')
    }
    expect(onError).toHaveBeenCalledTimes(1)
    expect(unavailable).not.toHaveBeenCalled()
  })

  it('is reported once when 1,000 calls fail together', async () => {
    store.health.illness = hangs
    const reads = Promise.all(Array.from({ length: 1_000 }, (_, at) => cache.get(`${at}`)))
    await vi.advanceTimersByTimeAsync(200)
    await reads
    expect(onError).toHaveBeenCalledTimes(1)
    expect(unavailable).toHaveBeenCalledTimes(1)
  })

  it('is probed in the background while it is skipped, and used again when it has recovered', async () => {
    await cache.set('key', 1)
    store.health.illness = refuses
    await cache.get('key')
    await cache.get('key')
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(5_000)
    expect(store.health.asked.length).toBeGreaterThanOrEqual(3)
    expect(store.health.asked.length).toBeLessThanOrEqual(25)
    expect(await cache.get('key')).toBeUndefined()
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(1_500)
    expect(await cache.get('key')).toBe(1)
    expect(available).toHaveBeenCalledTimes(1)
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(5_000)
    expect(store.health.asked).toEqual([])
  })

  it('is probed once at a time, even if probes hang', async () => {
    store.health.illness = hangs
    const reads = [cache.get('a'), cache.get('b')]
    await vi.advanceTimersByTimeAsync(100)
    await Promise.all(reads)
    store.health.asked.length = 0
    await vi.advanceTimersByTimeAsync(10_000)
    expect(store.health.asked.length).toBeLessThanOrEqual(25)
    expect(vi.getTimerCount()).toBe(1)
  })

  it('is not back for a probe that was sent before the cache was closed and opened again', async () => {
    const probed = gate<never>()
    store.health.illness = refuses
    for (const key of ['a', 'b']) await cache.get(key)
    store.health.illness = () => probed.promise
    await vi.advanceTimersByTimeAsync(250)
    expect(store.health.asked.at(-1)).toBe('ping')
    store.health.illness = undefined
    await cache.close()
    await cache.init()
    store.health.illness = refuses
    for (const key of ['a', 'b']) await cache.get(key)
    expect(unavailable).toHaveBeenCalledTimes(2)
    store.health.asked.length = 0
    probed.open('probe' as never)
    await settle()
    await cache.get('c')
    expect(store.health.asked).toEqual([])
    expect(available).not.toHaveBeenCalled()
  })

  it('is not skipped for failures with successes between them', async () => {
    await cache.set('key', 1)
    for (let at = 0; at < 5; at++) {
      store.health.illness = refuses
      await cache.get('key')
      store.health.illness = undefined
      expect(await cache.get('key')).toBe(1)
    }
    expect(unavailable).not.toHaveBeenCalled()
  })

  it('that refuses a command is still used, and reported at intervals', async () => {
    store.health.illness = complains
    for (let at = 0; at < 50; at++) expect(await cache.set('key', at)).toBe(false)
    expect(store.health.asked.filter((member) => member === 'set')).toHaveLength(50)
    expect(unavailable).not.toHaveBeenCalled()
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'out of memory' }))
    await vi.advanceTimersByTimeAsync(1_500)
    await cache.set('key', 1)
    expect(onError).toHaveBeenCalledTimes(2)
  })

  it.each([[new TypeError('no such column')], ['no such column'], [undefined]])(
    'that fails with %o, which is no error of ours, does not fail the caller',
    async (error) => {
      store.health.illness = () => Promise.reject(error)
      const wrapped = cached(cache, { ttl: 10, key: 'k' }, async () => 'value')
      expect(await wrapped()).toBe('value')
      expect(await cache.get('key', 'fallback')).toBe('fallback')
      expect(await all(cache.scan('*'))).toEqual([])
      const told = expect.objectContaining({ code: 'CASHEWS_BACKEND', cause: error })
      expect(onError).toHaveBeenCalledExactlyOnceWith(told)
      await expect(cache.ping()).rejects.toEqual(told)
    },
  )

  it('does not hide the mistakes of the caller', async () => {
    await cache.set('key', 'text')
    await expect(cache.incr('key')).rejects.toMatchObject({ code: 'CASHEWS_WRONG_TYPE' })
    expect(onError).not.toHaveBeenCalled()
  })

  it('leaves no unhandled rejection when it answers too late', async () => {
    store.health.illness = () =>
      new Promise((_, reject) => setTimeout(() => reject(new BackendUnavailableError('late')), 5_000))
    const read = cache.get('key')
    await vi.advanceTimersByTimeAsync(100)
    expect(await read).toBeUndefined()
    await vi.advanceTimersByTimeAsync(10_000)
  })

  it('does not disturb the others', async () => {
    const well = sickStore()
    cache.setup(well, { prefix: 'well:' })
    store.health.illness = refuses
    for (let at = 0; at < 5; at++) await cache.get('key')
    expect(await cache.set('well:key', 1)).toBe(true)
    expect(await cache.getMany(['key', 'well:key'])).toEqual([undefined, 1])
  })

  it('fails no wrapped function: it runs, and its result is returned', async () => {
    store.health.illness = refuses
    const load = vi.fn(async () => 'value')
    const wrapped = cached(cache, { ttl: 10, key: 'k' }, load)
    for (let at = 0; at < 5; at++) expect(await wrapped()).toBe('value')
    expect(load).toHaveBeenCalledTimes(5)
    expect(await wrapped.refresh()).toBe('value')
    expect(await wrapped.peek()).toBeUndefined()
    expect(await wrapped.invalidate()).toBe(false)
  })
})

describe('suppress: false', () => {
  beforeEach(fakeTime)
  afterEach(() => vi.useRealTimers())

  it.each([
    ['cannot be reached', BackendUnavailableError],
    ['refuses', BackendError],
  ])('raises the error of a store that %s', async (_, Failure) => {
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store, { suppress: false })
    await cache.init()
    store.health.illness = () => Promise.reject(new Failure('no'))
    for (const command of COMMANDS) await expect(run(cache, command)).rejects.toThrow(Failure)
    await cache.close()
  })

  it('gives the reason with every call that is refused while the store is skipped', async () => {
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store, { suppress: false })
    await cache.init()
    const reason = new BackendUnavailableError('no route to host')
    store.health.illness = () => Promise.reject(reason)
    for (const key of ['a', 'b']) await expect(cache.get(key)).rejects.toBe(reason)
    store.health.asked.length = 0
    await expect(cache.get('c')).rejects.toMatchObject({
      code: 'CASHEWS_BACKEND_UNAVAILABLE',
      message: expect.stringContaining('no route to host'),
      cause: reason,
    })
    expect(store.health.asked).toEqual([])
    await cache.close()
  })

  it('raises for a store that hangs, within the budget', async () => {
    const store = sickStore()
    const cache = createCache({ onError: () => {} }).setup(store, { suppress: false, readTimeout: '10ms' })
    await cache.init()
    store.health.illness = hangs
    const read = cache.get('key').catch((error) => error)
    await vi.advanceTimersByTimeAsync(10)
    expect(await read).toMatchObject({
      code: 'CASHEWS_BACKEND_UNAVAILABLE',
      message: expect.stringContaining('"get" within 10 ms'),
    })
    await cache.close()
  })
})

describe('a store completed by completeBackend', () => {
  beforeEach(fakeTime)
  afterEach(() => vi.useRealTimers())

  it('is guarded without a setting', async () => {
    const cache = createCache({ onError: () => {} }).setup(
      syncStore({ get: hangs, set: () => Promise.reject(new BackendError('no')) }),
    )
    await cache.init()
    expect(await cache.set('key', 1)).toBe(false)
    const read = cache.get('key', 'fallback')
    await vi.advanceTimersByTimeAsync(100)
    expect(await read).toBe('fallback')
    await cache.close()
  })

  it('is not skipped for failures with successes between them', async () => {
    let sick = false
    const unavailable = vi.fn()
    const store = syncStore({
      get() {
        if (sick) throw new BackendUnavailableError('away')
        return 'value'
      },
    })
    const cache = createCache({ onError: () => {} }).setup(store)
    cache.on('unavailable', unavailable)
    for (let at = 0; at < 5; at++) {
      sick = true
      await cache.get('key')
      sick = false
      expect(await cache.get('key')).toBe('value')
    }
    expect(unavailable).not.toHaveBeenCalled()
    await cache.close()
  })
})
