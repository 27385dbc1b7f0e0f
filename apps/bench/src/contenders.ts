import { memory } from '@cashews/backend-memory'
import { type Cache, createCache } from '@cashews/core'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { LRUCache } from 'lru-cache'
import { CAPACITY } from './users.ts'

/** An hour in milliseconds. */
export const HOUR = 3_600_000

/** Our cache on memory. */
export async function cashews(isolation?: 'none' | 'clone' | 'freeze'): Promise<Cache> {
  const cache = createCache().setup(memory({ size: CAPACITY, ...(isolation === undefined ? {} : { isolation }) }))
  await cache.init()
  return cache
}

/** Bentocache on memory. By default it keeps JSON text, so that callers never share an object. */
export function bento({ serialize }: { readonly serialize: boolean }) {
  const store = bentostore().useL1Layer(memoryDriver({ maxItems: CAPACITY, serialize }))
  return new BentoCache({ default: 'memory', ttl: '1h', stores: { memory: store } })
}

/** lru-cache with a time to live. */
export function lru<V extends {}>(): LRUCache<string, V> {
  return new LRUCache<string, V>({ max: CAPACITY, ttl: HOUR })
}
