import { setTimeout as wait } from 'node:timers/promises'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { cached, soft } from '@cashews/strategies'
import { createTags } from '@cashews/tags'
import { Redis } from 'ioredis'
import { PATIENT } from '../patience.ts'

// The program of a child process that reads and invalidates at random, and prints how many of its reads returned a value older
// than an invalidation that had ended before. Two counters on the server hold the version of the database, and the version up
// to which everything is invalidated.
const [url = '', namespace = '', rounds = ''] = process.argv.slice(2)
const cache = createCache().setup(redis({ url, namespace }), PATIENT)
const tags = createTags(cache)
const database = new Redis(url)
const [version, floor] = [`${namespace}version`, `${namespace}floor`]

const pause = (atMost: number) => wait(Math.random() * atMost)
const load = async (): Promise<number> => {
  const found = Number(await database.get(version))
  await pause(20)
  return found
}
const functions = [
  { read: cached(cache, { ttl: '1h', key: 'a', tags: ['x'] }, load), drop: () => tags.delete('x') },
  { read: soft(cache, { ttl: '1h', softTtl: '1ms', key: 'b', tags: ['x'] }, load), drop: () => tags.delete('x') },
  {
    read: cached(cache, { ttl: '1h', key: 'c', tags: (found) => [`found:${found % 2}`, 'x'] }, load),
    drop: () => tags.delete('x'),
  },
  {
    read: cached(cache, { ttl: '1h', key: 'd', condition: (found: number) => found % 2 === 0 }, load),
    drop: () => cache.delete('d'),
  },
  { read: cached(cache, { ttl: '1h', key: 'e' }, load), drop: () => cache.delete('e') },
]

/** Raises the version up to which everything is invalidated. */
const raise = async (name: string, to: number) => {
  await database.eval(
    "if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end",
    1,
    name,
    to,
  )
}

let reads = 0
const stale: number[] = functions.map(() => 0)
const reading = functions.flatMap(({ read }, at) =>
  Array.from({ length: 5 }, async () => {
    for (let round = 0; round < Number(rounds); round++) {
      const least = Number(await database.get(`${floor}:${at}`))
      const found = await read()
      reads++
      if (found < least) stale[at] = (stale[at] ?? 0) + 1
      await pause(3)
    }
  }),
)
let isOver = false
const invalidating = functions.map(async ({ drop }, at) => {
  while (!isOver) {
    const now = await database.incr(version)
    await drop()
    await raise(`${floor}:${at}`, now)
    await pause(100)
  }
})
await Promise.all(reading)
isOver = true
await Promise.all(invalidating)
console.log(JSON.stringify({ reads, stale }))
database.disconnect()
await cache.close()
