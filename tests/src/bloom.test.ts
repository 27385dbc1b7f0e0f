import { memory } from '@cashews/backend-memory'
import { bloom, dualBloom, FilterLostError, LoadStoppedError } from '@cashews/bloom'
import { reference } from '@cashews/conformance'
import { BackendUnavailableError, type Cache, ConfigurationError, createCache, KeyTemplateError } from '@cashews/core'
import { transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { fakeTime, hangs, sickStore } from './support/helpers.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, at) => `user${at}@example.com`)
const even = (email: string) => Number(/\d+/.exec(email)?.[0]) % 2 === 0

describe.each(stores)('a filter on $name', ({ create, elapse }) => {
  let cache: Cache
  const onError = vi.fn()
  beforeEach(() => {
    onError.mockClear()
    cache = createCache({ onError }).setup(create())
  })
  afterEach(async () => {
    vi.useRealTimers()
    await cache.clear()
    await cache.close()
  })

  const emails = (options: object = {}) => {
    const asks = vi.fn(async (email: string) => even(email))
    return { asks, exists: bloom(cache, { name: 'emails', capacity: 1_000, ...options }, asks) }
  }

  it('denies without calling the function, and calls it before confirming', async () => {
    const { asks, exists } = emails({ capacity: 100 })
    for (const email of upTo(100)) expect(await exists.set(email)).toBe(even(email))
    asks.mockClear()
    for (const email of upTo(100).filter(even)) expect(await exists(email)).toBe(true)
    expect(asks).toHaveBeenCalledTimes(50)
    for (const email of upTo(100)) expect(await exists(email)).toBe(even(email))
    expect(asks.mock.calls.length).toBeLessThan(50 + 50 + 5)
  })

  it.each(['fast', 'locked', 'serializable'] as const)(
    'begins with a %s transaction, and anew after one that was rolled back',
    async (mode) => {
      const { asks, exists } = emails()
      const set = async () => {
        await exists.set('user2@example.com')
        expect(await exists('user3@example.com')).toBe(false)
      }
      const failing = async () => {
        await set()
        throw new Error('rolled back')
      }
      await expect(transaction(cache, failing, { mode })).rejects.toThrow('rolled back')
      await transaction(cache, set, { mode })
      asks.mockClear()
      expect(await exists('user5@example.com')).toBe(false)
      expect(asks).not.toHaveBeenCalled()
      expect(onError).not.toHaveBeenCalled()
    },
  )

  it('confirms without calling the function when false positives are not checked', async () => {
    const { asks, exists } = emails({ checkFalsePositive: false })
    await exists.setMany(upTo(10))
    expect(await exists('user1@example.com')).toBe(true)
    expect(await exists('nobody@example.com')).toBe(false)
    expect(asks).not.toHaveBeenCalled()
  })

  it('calls the function as long as nothing was added', async () => {
    const { asks, exists } = emails()
    expect(await exists('user0@example.com')).toBe(true)
    expect(asks).toHaveBeenCalledOnce()
  })

  it('finds what another handle or another process has added', async () => {
    await emails().exists.setMany(upTo(50))
    const { asks, exists } = emails({ checkFalsePositive: false })
    await exists.set('user98@example.com')
    asks.mockClear()
    for (const email of [...upTo(50), 'user98@example.com']) expect(await exists(email)).toBe(true)
    expect(asks).not.toHaveBeenCalled()
  })

  it('keeps all elements that are added concurrently', async () => {
    const handles = Array.from({ length: 4 }, () => emails({ checkFalsePositive: false }).exists)
    await Promise.all(upTo(200).map((email, at) => handles[at % 4]?.set(email)))
    const members = upTo(200).filter(even)
    expect(await Promise.all(members.map((email) => handles[0]?.(email)))).toEqual(members.map(() => true))
  })

  it('is split over several keys when it is too large for one key', async () => {
    const { asks, exists } = emails({ maxKeyBytes: 256 })
    await exists.setMany(upTo(1_000))
    const keys = []
    for await (const key of cache.scan(`${exists.storedName}:*`)) keys.push(key)
    expect(keys.sort()).toEqual([
      ...Array.from({ length: 7 }, (_, part) => `${exists.storedName}:${part}`),
      `${exists.storedName}:begun`,
    ])
    for (const email of upTo(1_000).filter(even)) expect(await exists(email)).toBe(true)
    asks.mockClear()
    for (let at = 0; at < 1_000; at++) await exists(`other${at}`)
    expect(asks.mock.calls.length).toBeLessThan(30)
  })

  it('estimates how full it is', async () => {
    const { exists } = emails()
    expect(await exists.estimate()).toEqual({ isWhole: false, filled: 0, elements: 0, falsePositives: 0 })
    await exists.setMany(upTo(1_000))
    const { isWhole, filled, elements, falsePositives } = await exists.estimate()
    expect(isWhole).toBe(true)
    expect(filled).toBeCloseTo(0.52, 1)
    expect(Math.abs(elements - 1_000)).toBeLessThan(50)
    expect(falsePositives).toBeGreaterThan(0.7)
    expect(falsePositives).toBeLessThan(1.4)
  })

  describe('that was lost from the store', () => {
    it('calls the function instead of denying everything', async () => {
      const { asks, exists } = emails()
      await exists.setMany(upTo(10))
      await cache.delete(exists.storedName)
      expect(await exists('user2@example.com')).toBe(true)
      expect(await exists('user3@example.com')).toBe(false)
      expect(asks).toHaveBeenCalledTimes(2)
      expect(onError).toHaveBeenCalledOnce()
      expect(onError.mock.calls[0]?.[0]).toBeInstanceOf(FilterLostError)
    })

    it('is reported even after a later load has failed', async () => {
      const { exists } = emails()
      await exists.setMany(upTo(10))
      const fails = function* () {
        yield 'user98@example.com'
        throw new Error('expected')
      }
      await expect(exists.setMany(fails())).rejects.toThrow('expected')
      await cache.delete(exists.storedName)
      await exists('user2@example.com')
      expect(onError).toHaveBeenCalledWith(expect.any(FilterLostError))
    })

    it.each(['the same process', 'another'])('is not started anew by an element that %s adds', async (who) => {
      const first = emails()
      await first.exists.setMany(upTo(10))
      await cache.delete(first.exists.storedName)
      const { asks, exists } = who === 'another' ? emails() : first
      await exists.set('user98@example.com')
      asks.mockClear()
      expect(await exists('user2@example.com')).toBe(true)
      expect(asks).toHaveBeenCalledOnce()
    })

    it('is not complete with only one of its two marks', async () => {
      const { asks, exists } = emails()
      await cache.incrBits(exists.storedName, [9_586])
      expect(await exists('nobody@example.com')).toBe(false)
      expect(asks).toHaveBeenCalledOnce()
      expect((await exists.estimate()).isWhole).toBe(false)
    })

    it('is not complete when one of its keys is lost', async () => {
      const { exists } = emails({ maxKeyBytes: 256 })
      await exists.setMany(upTo(1_000))
      await cache.delete(`${exists.storedName}:3`)
      for (const email of upTo(1_000).filter(even)) expect(await exists(email)).toBe(true)
      expect((await exists.estimate()).isWhole).toBe(false)
    })

    it('is complete again after a new load', async () => {
      const { asks, exists } = emails()
      await exists.setMany(upTo(10))
      await cache.delete(exists.storedName)
      await exists.setMany(upTo(10))
      expect(await exists('nobody@example.com')).toBe(false)
      expect(asks).not.toHaveBeenCalled()
    })

    it('can be started anew after clear', async () => {
      const { asks, exists } = emails()
      await exists.setMany(upTo(10))
      await exists.clear()
      await exists.set('user98@example.com')
      asks.mockClear()
      expect(await exists('user2@example.com')).toBe(false)
      expect(asks).not.toHaveBeenCalled()
    })
  })

  describe('being loaded', () => {
    it('calls the function until the load is complete', async () => {
      const { asks, exists } = emails()
      const loading = exists.setMany(
        (async function* () {
          for (const email of upTo(10)) {
            expect(await exists('nobody@example.com')).toBe(false)
            yield email
          }
        })(),
        { batchSize: 5 },
      )
      expect(await loading).toBe(10)
      expect(asks).toHaveBeenCalledTimes(10)
      await exists('nobody@example.com')
      expect(asks).toHaveBeenCalledTimes(10)
    })

    it('denies nothing until then, even if a failed load has left the mark of completeness', async () => {
      const { asks, exists } = emails()
      await cache.incrBits(exists.storedName, [9_586])
      const elements = async function* () {
        expect(await exists('nobody@example.com')).toBe(false)
        yield 'user2@example.com'
      }
      await exists.setMany(elements())
      expect(asks).toHaveBeenCalledOnce()
      expect(await exists('nobody@example.com')).toBe(false)
      expect(asks).toHaveBeenCalledOnce()
    })

    it('is filled in batches, and reports progress', async () => {
      const { exists } = emails()
      const told: number[] = []
      await exists.setMany(upTo(25), { batchSize: 10, onProgress: ({ done }) => told.push(done) })
      expect(told).toEqual([10, 20, 25])
    })

    it('skips what an earlier load has added', async () => {
      const { exists } = emails()
      await exists.setMany(upTo(20))
      const told: number[] = []
      await exists.setMany(upTo(30), { from: 20, batchSize: 5, onProgress: ({ done }) => told.push(done) })
      expect(told).toEqual([25, 30])
    })

    it('refuses an empty batch size and a negative start', async () => {
      const { exists } = emails()
      await expect(exists.setMany(upTo(3), { batchSize: 0 })).rejects.toThrow('batchSize must be at least 1, not 0')
      await expect(exists.setMany(upTo(3), { from: -1 })).rejects.toThrow('at least 0, not -1')
      const noFunction = exists.setMany(upTo(3), { onProgress: 'log' as never })
      await expect(noFunction).rejects.toThrow("onProgress must be a function, not 'log'.")
    })

    it('continues where an earlier load has stopped', async () => {
      const { asks, exists } = emails({ checkFalsePositive: false })
      let done = 0
      const stops = function* () {
        yield* upTo(25)
        throw new Error('the connection to the database broke')
      }
      const onProgress = (progress: { done: number }) => {
        done = progress.done
      }
      await expect(exists.setMany(stops(), { batchSize: 10, onProgress })).rejects.toThrow('broke')
      expect(done).toBe(20)
      expect((await exists.estimate()).isWhole).toBe(false)
      await exists.setMany(upTo(30), { from: done })
      for (const email of upTo(30)) expect(await exists(email)).toBe(true)
      expect(asks).not.toHaveBeenCalled()
    })

    it('does not continue when the elements loaded before are gone', async () => {
      const { exists } = emails()
      await expect(exists.setMany(upTo(10), { from: 5 })).rejects.toThrow('what was loaded before element 5 is gone')
    })

    it('is not complete when it is deleted during the load', async () => {
      const { asks, exists } = emails()
      const dropped = async function* () {
        yield* upTo(10)
        await cache.delete(exists.storedName)
        expect(await exists('user2@example.com')).toBe(true)
        expect(onError).not.toHaveBeenCalled() // The load will tell.
        asks.mockClear()
        yield* upTo(20)
      }
      await expect(exists.setMany(dropped(), { batchSize: 5 })).rejects.toThrow(FilterLostError)
      expect(await exists('user2@example.com')).toBe(true)
      expect(asks).toHaveBeenCalledOnce()
    })

    it('keeps denying when it was complete before', async () => {
      const { asks, exists } = emails()
      await exists.setMany(upTo(10))
      const more = async function* () {
        expect(await exists('nobody@example.com')).toBe(false)
        yield 'user98@example.com'
      }
      await exists.setMany(more())
      expect(asks).not.toHaveBeenCalled()
    })
  })

  describe('with a ttl', () => {
    beforeEach(() => fakeTime())

    it('expires, and is started anew by the next element', async () => {
      const { asks, exists } = emails({ ttl: '1m' })
      await exists.set('user2@example.com')
      expect(await exists('nobody@example.com')).toBe(false)
      expect(asks).toHaveBeenCalledTimes(1)
      await elapse(60_001)
      expect(await exists('user2@example.com')).toBe(true)
      expect(asks).toHaveBeenCalledTimes(2)
      await exists.set('user4@example.com')
      asks.mockClear()
      expect(await exists('user2@example.com')).toBe(false)
      expect(asks).not.toHaveBeenCalled()
    })

    it('is not written to after it was lost', async () => {
      const { exists } = emails({ ttl: '1h' })
      await exists.set('user2@example.com')
      await cache.delete(exists.storedName)
      expect(await exists.set('user4@example.com')).toBe(false)
      expect(await cache.exists(exists.storedName)).toBe(false)
    })

    it('and rotate expires elements one by one', async () => {
      const { asks, exists } = emails({ ttl: '40s', rotate: 4, checkFalsePositive: false })
      await exists.set('user2@example.com')
      for (let waited = 0; waited < 40; waited += 10) {
        expect(await exists('user3@example.com')).toBe(false)
        expect(asks).toHaveBeenCalledTimes(waited / 10 + 2)
        expect(await exists('user2@example.com')).toBe(true)
        await elapse(10_000)
      }
      asks.mockClear()
      await exists.set('user4@example.com')
      expect(await exists('user3@example.com')).toBe(false)
      expect(asks).toHaveBeenCalledOnce()
      await elapse(10_000)
      expect(await exists('user2@example.com')).toBe(false)
      expect(await exists('user4@example.com')).toBe(true)
      expect(asks).toHaveBeenCalledOnce()
    })

    it('and rotate is complete after a load that nobody has read since', async () => {
      const { asks, exists } = emails({ ttl: '40s', rotate: 4 })
      for (let waited = 0; waited < 40; waited += 10) {
        await exists.set('user2@example.com')
        await elapse(10_000)
      }
      const loading = exists.setMany(upTo(10))
      await elapse(10_000)
      expect(await loading).toBe(10)
      asks.mockClear()
      expect(await exists('nobody@example.com')).toBe(false)
      expect(asks).not.toHaveBeenCalled()
      await elapse(60_000)
      expect(await cache.getKeysCount()).toBe(0)
    })

    it('and rotate estimates all slices together, and clears them all', async () => {
      const { asks, exists } = emails({ capacity: 40, ttl: '40s', rotate: 4, falsePositives: 5 })
      expect(exists.storedName).toBe('bloom:emails:96x1:7:murmur3')
      for (const email of upTo(20)) await exists.set(email)
      expect((await exists.estimate()).isWhole).toBe(false)
      for (let waited = 0; waited < 40; waited += 10) {
        await elapse(10_000)
        await exists.set(`user${waited}@example.net`)
      }
      const { isWhole, filled, elements, falsePositives } = await exists.estimate()
      expect(isWhole).toBe(true)
      expect(filled).toBeLessThan(0.5)
      expect(Math.abs(elements - 14)).toBeLessThan(3)
      expect(falsePositives).toBeGreaterThan(0.5)
      expect(falsePositives).toBeLessThan(1.5)
      await exists.clear()
      expect((await exists.estimate()).elements).toBe(0)
      asks.mockClear()
      expect(await exists('user0@example.net')).toBe(true)
      expect(asks).toHaveBeenCalledOnce()
    })
  })

  describe('that is dual', () => {
    const spam = (options: object = {}) => {
      const asks = vi.fn(async (email: string) => even(email))
      return { asks, isSpam: dualBloom(cache, { name: 'spam', capacity: 1_000, ...options }, asks) }
    }

    it('remembers the answer of the function, and gives it from then on', async () => {
      const { asks, isSpam } = spam()
      for (const email of upTo(100)) expect(await isSpam(email)).toBe(even(email))
      asks.mockClear()
      for (const email of upTo(100)) expect(await isSpam(email)).toBe(even(email))
      expect(asks.mock.calls.length).toBeLessThan(5)
      asks.mockClear()
      expect(await isSpam('user98765@example.com')).toBe(false)
      expect(asks).toHaveBeenCalledOnce()
    })

    it('calls the function when both filters contain the element', async () => {
      const { asks, isSpam } = spam()
      await isSpam.setMany(['user1@example.com'], true)
      expect(await isSpam('user1@example.com')).toBe(true)
      await isSpam.setMany(['user1@example.com'], false)
      expect(await isSpam('user1@example.com')).toBe(false)
      expect(asks).toHaveBeenCalledOnce()
    })

    it('takes a capacity for each answer', async () => {
      const { isSpam } = spam({ capacity: { true: 10, false: 1_000 }, falsePositives: { true: 0.1, false: 2 } })
      expect(isSpam.storedNames).toEqual({
        true: 'dualBloom:spam:144x1:10:murmur3:true',
        false: 'dualBloom:spam:8143x1:6:murmur3:false',
      })
    })

    it('remembers no answer that collides with another one, with noCollisions', async () => {
      const { asks, isSpam } = spam({ capacity: 5, noCollisions: true })
      const elements = upTo(200).filter(even)
      for (const email of elements) await isSpam(email)
      asks.mockClear()
      for (const email of elements) expect(await isSpam(email)).toBe(true)
      expect(asks.mock.calls.length).toBeGreaterThan(80)
    })

    it('is split over several keys like a single filter', async () => {
      const { asks, isSpam } = spam({ maxKeyBytes: 256 })
      expect(isSpam.storedNames.false).toBe('dualBloom:spam:1370x7:7:murmur3:false')
      for (const email of upTo(20)) expect(await isSpam(email)).toBe(even(email))
      asks.mockClear()
      for (const email of upTo(20)) expect(await isSpam(email)).toBe(even(email))
      expect(asks).not.toHaveBeenCalled()
    })

    it.each(['user1@example.com', 'user2@example.com'])('forgets %s after its ttl', async (email) => {
      fakeTime()
      const { asks, isSpam } = spam({ ttl: '1m' })
      for (let time = 0; time < 2; time++) await isSpam(email)
      expect(asks).toHaveBeenCalledOnce()
      await elapse(60_001)
      await isSpam(email)
      expect(asks).toHaveBeenCalledTimes(2)
    })

    it.each(['user1@example.com', 'user2@example.com'])('forgets %s after clear', async (email) => {
      const { asks, isSpam } = spam()
      await isSpam(email)
      await isSpam.clear()
      await isSpam(email)
      expect(asks).toHaveBeenCalledTimes(2)
    })

    it('can be filled, estimated and cleared', async () => {
      const { asks, isSpam } = spam()
      await isSpam.set('user2@example.com')
      await isSpam.setMany(
        upTo(100).filter((email) => !even(email)),
        false,
      )
      const { true: yes, false: no } = await isSpam.estimate()
      expect([yes.elements, no.elements]).toEqual([1, 50])
      await isSpam.clear()
      asks.mockClear()
      expect(await isSpam('user2@example.com')).toBe(true)
      expect(asks).toHaveBeenCalledOnce()
    })
  })
})

describe('bloom', () => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(memory())
  })
  afterEach(async () => {
    vi.useRealTimers()
    await cache.close()
  })

  it('works for a capacity of a million', async () => {
    const exists = bloom(cache, { name: 'big', capacity: 1_000_000, checkFalsePositive: false }, even)
    await exists.setMany(upTo(1_000))
    for (const email of upTo(1_000)) expect(await exists(email)).toBe(true)
    expect(await exists('nobody@example.com')).toBe(false)
  })

  it('has the false-positive rate that was asked for when it is full', async () => {
    const exists = bloom(cache, { name: 'full', capacity: 10_000, falsePositives: 1, checkFalsePositive: false }, even)
    await exists.setMany(upTo(10_000))
    for (const email of upTo(10_000)) expect(await exists(email)).toBe(true)
    let wrong = 0
    for (let at = 0; at < 200_000; at++) if (await exists(`stranger${at}`)) wrong++
    expect(wrong / 200_000).toBeGreaterThan(0.009)
    expect(wrong / 200_000).toBeLessThan(0.011)
  })

  it('has the same false-positive rate when it is split over several keys', async () => {
    const options = { name: 'split', capacity: 10_000, maxKeyBytes: 2_048, checkFalsePositive: false }
    const exists = bloom(cache, options, even)
    expect(exists.storedName).toBe('bloom:split:13693x7:7:murmur3')
    await exists.setMany(upTo(10_000))
    for (const email of upTo(10_000)) expect(await exists(email)).toBe(true)
    let wrong = 0
    for (let at = 0; at < 200_000; at++) if (await exists(`stranger${at}`)) wrong++
    expect(wrong / 200_000).toBeGreaterThan(0.009)
    expect(wrong / 200_000).toBeLessThan(0.011)
  })

  it('calls the function while its commands are disabled, and adds nothing', async () => {
    const asks = vi.fn((email: string) => even(email))
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, asks)
    await exists.setMany(upTo(5))
    await cache.disabling(['getBits', 'incrBits'], async () => {
      expect(await exists('nobody')).toBe(false)
      expect(await exists.set('user2@example.com')).toBe(false)
    })
    expect(asks).toHaveBeenCalledTimes(2)
    cache.disable()
    expect(await exists('user2@example.com')).toBe(true)
    expect(asks).toHaveBeenCalledTimes(3)
    cache.enable()
    expect(await exists('nobody')).toBe(false)
    expect(asks).toHaveBeenCalledTimes(3)
  })

  it('is not started by an element that the store did not take', async () => {
    const asks = vi.fn(even)
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, asks)
    await cache.disabling(['getBits', 'incrBits'], () => exists.set('user2@example.com'))
    expect(await exists.set('user4@example.com')).toBe(true)
    asks.mockClear()
    expect(await exists('nobody')).toBe(false)
    expect(asks).not.toHaveBeenCalled()
  })

  it('finds what a host with a clock that is ahead has added', async () => {
    fakeTime()
    const options = { name: 'emails', capacity: 10, ttl: '40s', rotate: 4, checkFalsePositive: false } as const
    const asks = vi.fn(even)
    const exists = bloom(cache, options, asks)
    const now = Date.now()
    vi.setSystemTime(now + 10_000)
    await exists.set('user2@example.com')
    asks.mockClear()
    vi.setSystemTime(now)
    expect(await exists('user2@example.com')).toBe(true)
    expect(asks).not.toHaveBeenCalled()
  })

  it('yields to the event loop while it is being loaded', async () => {
    const exists = bloom(cache, { name: 'emails', capacity: 100 }, even)
    let turns = 0
    const turn = () => {
      turns++
      pending = setImmediate(turn)
    }
    let pending = setImmediate(turn)
    await exists.setMany(upTo(50), { batchSize: 10 })
    clearImmediate(pending)
    expect(turns).toBeGreaterThanOrEqual(4)
  })

  it('looks once whether it was started, not for each element', async () => {
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, even)
    await exists.set('user2@example.com')
    const heard = vi.fn()
    using _ = cache.on('set', heard)
    await exists.set('user4@example.com')
    expect(heard).not.toHaveBeenCalled()
  })

  it('goes through middlewares', async () => {
    const commands: string[] = []
    cache.use((call, next) => {
      commands.push(call.command)
      return next(call)
    })
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, even)
    await exists('user2@example.com')
    expect(commands).toEqual(['getBits'])
  })

  it('reads through the cache while somebody listens, and not otherwise', async () => {
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, even)
    await exists.setMany(upTo(5))
    expect(await exists('nobody')).toBe(false)
    const heard = vi.fn()
    const off = cache.on('getBits', heard)
    expect(await exists('nobody')).toBe(false)
    expect(heard).toHaveBeenCalledOnce()
    off()
    await exists('nobody')
    expect(heard).toHaveBeenCalledOnce()
  })

  it('goes to the backend of its prefix', async () => {
    const other = memory()
    cache.setup(other, { prefix: 'bloom:' })
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, even)
    await exists.setMany(upTo(5))
    expect(await exists('nobody')).toBe(false)
    expect(await other.exists(exists.storedName)).toBe(true)
  })

  it('calls the function while the store is away, and tells where a load has to continue', async () => {
    fakeTime()
    const store = sickStore()
    const sick = createCache({ onError: () => undefined }).setup(store)
    const asks = vi.fn(even)
    const exists = bloom(sick, { name: 'emails', capacity: 100 }, asks)
    await exists.set('user2@example.com')
    asks.mockClear()
    store.health.illness = hangs
    const answer = exists('nobody')
    await vi.advanceTimersByTimeAsync(200)
    expect(await answer).toBe(false)
    expect(asks).toHaveBeenCalledOnce()
    store.health.illness = undefined
    await vi.advanceTimersByTimeAsync(5_000)
    const failing = function* () {
      yield* upTo(10)
      store.health.illness = async () => {
        throw new (await import('@cashews/core')).BackendUnavailableError('gone')
      }
      yield 'one more'
    }
    vi.useRealTimers()
    const error = await exists.setMany(failing(), { batchSize: 5 }).catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(LoadStoppedError)
    expect(error).toMatchObject({ code: 'CASHEWS_LOAD_STOPPED', done: 10 })
    await sick.close()
  })

  it.each([{}, { ttl: '1h' }, { ttl: '1h', rotate: 1 }] as const)(
    'is begun anew by the next element after another cache has cleared it: %o',
    async (options) => {
      const asks = vi.fn(even)
      const store = reference()
      const [one, other] = [createCache().setup(store), createCache().setup(store)]
      const exists = bloom(one, { name: 'emails', capacity: 100, ...options }, asks)
      expect(await exists.set('user2@example.com')).toBe(true)
      await bloom(other, { name: 'emails', capacity: 100, ...options }, even).clear()
      expect(await exists.set('user4@example.com')).toBe(true)
      expect((await exists.estimate()).elements).toBe(1)
      asks.mockClear()
      expect([await exists('user4@example.com'), await exists('user1@example.com')]).toEqual([true, false])
      expect(asks).toHaveBeenCalledTimes('rotate' in options ? 2 : 1)
      for (const cache of [one, other]) await cache.close()
    },
  )

  it('that is dual answers what the function said when that cannot be remembered', async () => {
    const onError = vi.fn()
    const store = sickStore()
    const strict = createCache({ onError }).setup(store, { suppress: false })
    const gone = new BackendUnavailableError('gone')
    const isSpam = dualBloom(strict, { name: 'spam', capacity: 100 }, async (user: string) => {
      store.health.illness = () => Promise.reject(gone)
      return even(user)
    })
    expect(await isSpam('user2@example.com')).toBe(true)
    expect(onError).toHaveBeenCalledWith(gone)
    await strict.close()
  })

  it('tells detect whether the filter or the function answered', async () => {
    const exists = bloom(cache, { name: 'emails', capacity: 100 }, even)
    await exists.setMany(upTo(10))
    const { calls } = await cache.detect(() => exists('nobody'))
    expect(calls[exists.storedName]).toEqual([{ strategy: 'bloom', template: 'emails', backend: 'memory', hit: true }])
  })

  it('that is dual tells detect whether the filters or the function answered', async () => {
    const isSpam = dualBloom(cache, { name: 'spam', capacity: 100 }, even)
    const seen = async () => Object.values((await cache.detect(() => isSpam('user1'))).calls).flat()
    const told = { strategy: 'dualBloom', template: 'spam', backend: 'memory' }
    expect(await seen()).toEqual([{ ...told, hit: false, reason: 'miss' }])
    expect(await seen()).toEqual([{ ...told, hit: true }])
  })

  it('estimates by bits from its whole length and from all its keys', async () => {
    const large = bloom(cache, { name: 'large', capacity: 10_000 }, even)
    await cache.incrBits(
      large.storedName,
      Array.from({ length: 15_851 }, (_, at) => 80_000 + at),
    )
    expect((await large.estimate()).filled).toBeCloseTo(15_851 / 95_851, 3)
    const split = bloom(cache, { name: 'split', capacity: 1_000, maxKeyBytes: 256 }, even)
    await split.setMany(upTo(1_000))
    const { elements, falsePositives } = await split.estimate()
    expect(Math.abs(elements - 1_000)).toBeLessThan(50)
    expect(falsePositives).toBeLessThan(1.4)
  })

  it('that is overfull, so that it confirms everything, can be estimated', async () => {
    const exists = bloom(cache, { name: 'tiny', capacity: 1, falsePositives: 50 }, even)
    await exists.setMany(upTo(100))
    const { filled, elements, falsePositives } = await exists.estimate()
    expect([filled, falsePositives]).toEqual([1, 100])
    expect(elements).toBeLessThan(100)
  })

  it('expires before the record that it was started', async () => {
    fakeTime()
    const store = memory()
    const slow = createCache().setup(store)
    slow.use((call, next) => {
      vi.advanceTimersByTime(1_000)
      return next(call)
    })
    const exists = bloom(slow, { name: 'emails', capacity: 1_000, maxKeyBytes: 256, ttl: '1h' }, even)
    await exists.set('user2@example.com')
    const left = async (suffix: string) => Number(await store.timeLeft(`${exists.storedName}:${suffix}`))
    expect(await left('begun')).toBeGreaterThan(await left('6'))
    await slow.close()
  })

  it('distinguishes arguments by position, whatever the parameters are called', async () => {
    const owns = bloom(cache, { name: 'owns', capacity: 100 }, (user: string, item: string) => user !== item)
    const renamed = bloom(cache, { name: 'owns', capacity: 100 }, (a: string, b: string) => a !== b)
    await owns.setMany([['a:b', 'c']])
    expect(await renamed('a:b', 'c')).toBe(true)
    expect(await renamed('a', 'b:c')).toBe(false)
  })

  it('uses the key template to make an element', async () => {
    const exists = bloom(
      cache,
      { name: 'emails', capacity: 100, key: '{email:lower}' },
      (email: string) => email !== '',
    )
    await exists.set('Ada@Example.com')
    expect(await exists('ADA@example.COM')).toBe(true)
    expect(await exists('bob@example.com')).toBe(false)
  })

  it('keeps the name of the function and its this', async () => {
    const options = { name: 'stock', capacity: 10 }
    const shop = {
      stock: ['bread'],
      has: bloom(cache, options, async function sells(this: { readonly stock: readonly string[] }, item: string) {
        return this.stock.includes(item)
      }),
    }
    expect(shop.has.name).toBe('sells')
    expect(await shop.has('bread')).toBe(true)
  })

  it('passes on the error of the function', async () => {
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, (_: string): boolean => {
      throw new Error('no database')
    })
    await expect(exists('a')).rejects.toThrow('no database')
    await expect(exists.set('a')).rejects.toThrow('no database')
  })

  it.each([
    [{ capacity: 10 }, 'needs a name'],
    [{ name: '', capacity: 10 }, 'needs a name'],
    [{ name: 'a', capacity: 0 }, 'at least 1 element, not 0'],
    [{ name: 'a', capacity: 10, falsePositives: 100 }, 'between 0 and 100'],
    [{ name: 'a', capacity: 10, falsePositives: '1', ttl: '1h', rotate: 2 }, "such as 1, not '1'."],
    [{ name: 'a', capacity: 10, checkFalsePositive: 0 }, 'checkFalsePositive must be true or false, not 0.'],
    [{ name: 'a', capacity: 10, rotate: 2 }, 'needs a ttl'],
    [{ name: 'a', capacity: 10, ttl: '1h', rotate: 0 }, 'at least 1'],
    [{ name: 'a', capacity: 10, falsePositive: 2 }, 'not falsePositive.'],
  ])('refuses %j', (options, message) => {
    const define = () => bloom(cache, options as never, (a: string) => a !== '')
    expect(define).toThrow(ConfigurationError)
    expect(define).toThrow(message)
  })

  it.each([
    ['text', "'text'"],
    [5, '5'],
    [undefined, 'undefined'],
    [Object.create(null), 'Object {}'],
  ])('refuses to be loaded from %j', async (source, shown) => {
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, even)
    await expect(exists.setMany(source as never)).rejects.toThrow(`or another iterable, not ${shown}.`)
    expect((await exists.estimate()).isWhole).toBe(false)
  })

  it('refuses to be loaded with an option that does not exist, or without an answer', async () => {
    const exists = bloom(cache, { name: 'emails', capacity: 10 }, even)
    await expect(exists.setMany([], { batchsize: 5 } as never)).rejects.toThrow(
      /takes the options \{ batchSize, .* not batchsize\./,
    )
    const isSpam = dualBloom(cache, { name: 'spam', capacity: 10 }, even)
    await expect(isSpam.setMany(['a'], undefined as never)).rejects.toThrow('true or false, not undefined')
  })

  it('refuses anything but a cache, and an incomplete pair of options', () => {
    const options = { name: 'a', capacity: 10 }
    expect(() => bloom(undefined as never, options, even)).toThrow('bloom takes the cache first')
    expect(() => dualBloom({} as never, options, even)).toThrow('dualBloom takes the cache first')
    expect(() => dualBloom(cache, { ...options, capacity: null as never }, even)).toThrow(
      'at least 1 element, not null',
    )
    expect(() => dualBloom(cache, { ...options, capacity: { true: 1 } as never }, even)).toThrow('not null')
    const half = { ...options, falsePositives: { true: 1 } as never }
    expect(() => dualBloom(cache, half, even)).toThrow('such as 1, not null.')
    expect(() => dualBloom(cache, { ...options, noCollisions: 1 as never }, even)).toThrow('true or false, not 1.')
  })

  it('refuses anything but options, and anything but a function', () => {
    expect(() => bloom(cache, undefined as never)).toThrow(
      /^bloom\(cache, \{ … \}, fn\) takes the options .* not undefined\.$/,
    )
    expect(() => bloom(cache, ((a: string) => a !== '') as never)).toThrow('not a function')
    const options = { name: 'a', capacity: 10 }
    expect(() => bloom(cache, options, 'text' as never)).toThrow(
      "The function of a filter must be a function, not 'text'",
    )
    expect(() => dualBloom(cache, options, null as never)).toThrow('must be a function, not null')
  })

  it('refuses a function whose parameters it cannot read, and an invalid template', () => {
    const options = { name: 'a', capacity: 10 }
    expect(() => bloom(cache, options, (a = '') => a !== '')).toThrow('needs the option key')
    expect(() => bloom(cache, options, (...all: string[]) => all.length > 0)).toThrow('needs the option key')
    expect(() => bloom(cache, { ...options, key: '{b}' as string }, (a: string) => a !== '')).toThrow(KeyTemplateError)
  })
})
