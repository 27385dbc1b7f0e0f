import { disk } from '@cashews/backend-disk'
import { memory } from '@cashews/backend-memory'
import { type Backend, BackendUnavailableError, createCache } from '@cashews/core'
import { describe, expect, it } from 'vitest'
import { isFreed } from './support/collected.ts'
import { freshDirectory } from './support/disk/fresh-directory.ts'
import { gate, hangs, sickStore, syncStore } from './support/helpers.ts'
import { request, requests } from './support/requests.ts'

describe('the request that uses a store first', () => {
  it.each<[string, () => Backend]>([
    ['memory', () => memory({ checkInterval: 0.01 })],
    ['disk', () => disk({ directory: freshDirectory(), shards: 1, sizeLimit: 2 ** 20, checkInterval: 0.2 })],
  ])('has nothing to do with what %s removes later, and is not kept in memory by it', async (_, create) => {
    await using cache = createCache().setup(create())
    const removed = gate<unknown>()
    cache.on('removed', () => removed.open(requests.getStore()))
    const first = await request(async () => {
      await cache.clear()
      await cache.set('short', 1, { ttl: 0.01 })
      await cache.set('long', 'x'.repeat(50_000), { ttl: 100 })
    })
    expect(await removed.promise).toBeUndefined()
    expect(await isFreed(first)).toBe(true)
  })

  it('has nothing to do with errors and outages of the store that others meet later', async () => {
    const store = sickStore()
    const [late, back] = [gate<unknown>(), gate<unknown>()]
    await using cache = createCache({ onError: () => late.open(requests.getStore()) })
    cache.setup(store, { readTimeout: 0.02 })
    cache.on('available', () => back.open(requests.getStore()))
    await request(() => cache.get('key'))
    store.health.illness = hangs
    await cache.get('key')
    expect(await late.promise).toBeUndefined()
    store.health.illness = () => Promise.reject(new BackendUnavailableError('away'))
    await request(() => cache.get('key'))
    store.health.illness = undefined
    expect(await back.promise).toBeUndefined()
  })

  it('has nothing to do with what the store does while it is open', async () => {
    const seen: unknown[] = []
    const open = () => void seen.push(requests.getStore())
    await using cache = createCache().setup(syncStore({ open }))
    await request(() => cache.set('key', 1))
    expect(seen).toEqual([undefined])
  })
})
