import { AsyncLocalStorage } from 'node:async_hooks'
import { memory } from '@cashews/backend-memory'
import { COMMANDS, createCache, invalidateFurther } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { describe, expect, it, vi } from 'vitest'
import { altered, run } from './support/helpers.ts'

describe('what is not used', () => {
  it('costs no AsyncLocalStorage', async () => {
    const cache = createCache().setup(memory())
    const load = cached(cache, { ttl: 1, key: 'k:{0}' }, async (id: string) => id)
    const spies = (['run', 'getStore', 'enterWith'] as const).map((name) => vi.spyOn(AsyncLocalStorage.prototype, name))
    const uses = () => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0)
    try {
      for (const command of COMMANDS) await run(cache, command)
      await load('1')
      await load('1')
      await load.refresh('1')
      await load.invalidate('1')
      await cache.getOrSet('x', () => 1)
      await cache.lock('job', { ttl: 1 }, () => 1)
      expect(uses()).toBe(0)
      await cache.detect(() => load('1'))
      expect(uses()).toBeGreaterThan(0)
      await Promise.allSettled([
        invalidateFurther(() => Promise.reject(new Error('no'))),
        cache.disabling(['get'], () => 1),
      ])
      for (const { mock } of spies) mock.calls.length = 0
      await load('1')
      expect(uses()).toBe(0)
    } finally {
      for (const spy of spies) spy.mockRestore()
    }
  })

  it('costs no timer', async () => {
    vi.useFakeTimers()
    try {
      const set = vi.spyOn(globalThis, 'setTimeout')
      const cache = createCache().setup(memory({ checkInterval: false }))
      for (const command of COMMANDS) if (command !== 'setLock') await run(cache, command)
      expect(set).not.toHaveBeenCalled()
    } finally {
      vi.useRealTimers()
    }
  })

  it('makes a hit in memory call no asynchronous member of the store', async () => {
    const store = memory()
    const get = vi.fn((key: string) => store.get(key))
    const cache = createCache().setup(altered(store, { get }))
    const load = cached(cache, { ttl: 1, key: 'k' }, async () => 1)
    await load()
    get.mockClear()
    expect(await load()).toBe(1)
    expect(await cache.get('k')).toBe(1)
    expect(get).not.toHaveBeenCalled()
  })
})
