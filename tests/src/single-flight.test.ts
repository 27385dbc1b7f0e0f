import { type Cache, createCache } from '@cashews/core'
import { singleFlight } from '@cashews/strategies'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { stores } from './support/backends.ts'
import { gate, settle } from './support/helpers.ts'

describe.each(stores)('singleFlight beside $name', ({ create }) => {
  let cache: Cache
  beforeEach(() => {
    cache = createCache().setup(create())
  })

  it('shares one run between concurrent calls with the same key, and stores nothing', async () => {
    const opened = gate()
    const load = vi.fn(async (day: string) => {
      await opened.promise
      return { day }
    })
    const report = singleFlight(cache, { key: 'report:{day}', args: ['day'] }, load)
    const calls = Array.from({ length: 1_000 }, (_, at) => report(at % 2 ? 'mon' : 'tue'))
    opened.open()
    const answers = await Promise.all(calls)
    expect(load).toHaveBeenCalledTimes(2)
    expect(answers[0]).toEqual({ day: 'tue' })
    expect(await cache.getKeysCount()).toBe(0)
    await report('mon')
    expect(load).toHaveBeenCalledTimes(3)
  })

  it('shares a failure, and runs again for the next call', async () => {
    const load = vi.fn().mockRejectedValueOnce(new Error('once')).mockResolvedValue('fine')
    const wrapped = singleFlight(cache, { key: 'k' }, load as () => Promise<string>)
    const answers = await Promise.allSettled([wrapped(), wrapped()])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await wrapped()).toBe('fine')
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('is not joined after invalidate', async () => {
    const opened = gate()
    const load = vi.fn(() => opened.promise)
    const wrapped = singleFlight(cache, { key: 'k' }, load)
    const before = wrapped()
    expect(await wrapped.invalidate()).toBe(true)
    const after = wrapped()
    await settle()
    expect(load).toHaveBeenCalledTimes(2)
    opened.open()
    await Promise.all([before, after])
    expect(await wrapped.invalidate()).toBe(false)
  })

  it('starts a new run for refresh, which later calls join', async () => {
    const gates = [gate<number>(), gate<number>()]
    let runs = 0
    const wrapped = singleFlight(cache, { key: 'k' }, () => (gates[runs++] as (typeof gates)[0]).promise)
    const first = wrapped()
    const refreshed = wrapped.refresh()
    const joined = wrapped()
    gates[0]?.open(1)
    gates[1]?.open(2)
    expect(await Promise.all([first, refreshed, joined])).toEqual([1, 2, 2])
  })

  it('is not joined any more once a later run has succeeded, but is once that has failed', async () => {
    const gates = [gate<string>(), gate<string>(), gate<string>(), gate<string>()]
    let runs = 0
    const wrapped = singleFlight(cache, { key: 'k' }, () => (gates[runs++] as (typeof gates)[0]).promise)
    const first = wrapped()
    const second = wrapped.refresh()
    gates[1]?.fail(new Error('expected'))
    await expect(second).rejects.toThrow('expected')
    const joined = wrapped()
    expect(runs).toBe(2)
    const third = wrapped.refresh()
    gates[2]?.open('third')
    expect(await third).toBe('third')
    const fourth = wrapped()
    gates[3]?.open('fourth')
    gates[0]?.open('first')
    expect(await Promise.all([first, joined, fourth])).toEqual(['first', 'first', 'fourth'])
  })

  it('does not share runs between two functions with the same key', async () => {
    const a = singleFlight(cache, { key: 'k' }, async () => 'a')
    const b = singleFlight(cache, { key: 'k' }, async () => 'b')
    expect(await Promise.all([a(), b()])).toEqual(['a', 'b'])
  })

  it('takes synchronous functions, and rejects when it fails itself', async () => {
    const wrapped = singleFlight(cache, { key: 'k:{0}' }, (fail: boolean) => {
      if (fail) throw new Error('at once')
      return 'fine'
    })
    expect(await wrapped(false)).toBe('fine')
    await expect(wrapped(true)).rejects.toThrow('at once')
  })

  it('refuses an unknown option', () => {
    expect(() => singleFlight(cache, { ttl: 1 } as object, async () => 1)).toThrow(
      /takes the options .*key.* not ttl\.$/,
    )
  })

  it('works while the cache is disabled', async () => {
    cache.disable()
    const load = vi.fn(async () => 1)
    const wrapped = singleFlight(cache, { key: 'k' }, load)
    await Promise.all([wrapped(), wrapped()])
    expect(load).toHaveBeenCalledTimes(1)
  })
})
