import type { Cache } from '@cashews/core'
import { cached, early, failover, hit, soft } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import type { Aim, Change, Name } from './step.ts'

export const TTL = 10_000
export const HITS = 2

export interface Callable {
  (id: string): Promise<unknown>
  key(id: string): string
  refresh(id: string): Promise<unknown>
  invalidate(id: string): Promise<unknown>
}

export type Functions = Readonly<Record<Name, Callable>>

/** Wraps a load once for each name. All keys end with the id, which is the tag of their values, too. */
export function functionsOf(cache: Cache, load: (aim: Pick<Aim, 'name' | 'id'>) => Promise<string>): Functions {
  const run = (name: Name) => (id: string) => load({ name, id })
  const options = <N extends Name>(name: N) => ({ ttl: '10s', key: `${name}:{0}`, tags: ['{0}'] }) as const
  const getOrSet = (id: string) =>
    cache.getOrSet(`getOrSet:${id}`, () => load({ name: 'getOrSet', id }), { ttl: '10s', tags: [id] })
  const key = (id: string) => `getOrSet:${id}`
  return {
    cached: cached(cache, options('cached'), run('cached')),
    once: cached(cache, { ...options('once'), lock: true }, run('once')),
    early: early(cache, options('early'), run('early')),
    soft: soft(cache, options('soft'), run('soft')),
    hit: hit(cache, { ...options('hit'), cacheHits: HITS }, run('hit')),
    failover: failover(cache, options('failover'), run('failover')),
    getOrSet: Object.assign(getOrSet, { key, refresh: getOrSet, invalidate: (id: string) => cache.delete(key(id)) }),
  }
}

/** A key whose values are stored as they are, so that users may write and read them. */
export const plainKey = ({ name, id }: Aim): string =>
  name === 'cached' || name === 'once' || name === 'getOrSet' ? `${name}:${id}` : `plain:${id}`

/** Carries out a change of values that are there. */
export async function carryOut(cache: Cache, { change, id }: Change, fn: Callable): Promise<unknown> {
  switch (change) {
    case 'deleteMany':
      return cache.deleteMany([fn.key(id), 'other'])
    case 'deleteMatch':
      return cache.deleteMatch(`*:${id}`)
    case 'deleteTag':
      return createTags(cache).delete(id)
    case 'invalidate':
      return fn.invalidate(id)
    default:
      return cache.delete(fn.key(id))
  }
}
