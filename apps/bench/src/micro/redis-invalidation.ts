import { setImmediate } from 'node:timers/promises'
import { redis } from '@cashews/backend-redis'
import { createCache } from '@cashews/core'
import { createSerializer } from '@cashews/serialization'
import { Redis } from 'ioredis'
import { exactly, quantile, run } from '../harness.ts'
import { RedisContenders } from '../redis-contenders.ts'
import { judged, type Row } from '../report.ts'

const ROUNDS = 1_000
const RACES = 5_000
const AT_ONCE = 100

/** R4: how soon a copy is dropped after another client's change, and the effect of invalidations during reads. */
await run(async () => {
  await using contenders = await RedisContenders.start()
  return [...(await latency(contenders)), ...(await races(contenders))]
})

/** Measures from the moment the command is sent, by a look in each turn of the event loop. */
async function latency(contenders: RedisContenders): Promise<Row[]> {
  const backend = redis({ url: contenders.server.url, namespace: 'news:', clientSide: true })
  const cache = createCache().setup(backend, { suppress: false })
  contenders.toClose(() => cache.close())
  await cache.init()
  const [writer, publisher, subscriber] = [contenders.ioredis(), contenders.ioredis(), contenders.ioredis()]
  let received = 0
  await subscriber.subscribe('news')
  subscriber.on('message', () => received++)
  await cache.set('k', 0)
  const isNear = () => backend.getNow?.('k') === 0
  const drops: number[] = []
  const messages: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    while (!isNear()) await cache.get('k')
    drops.push(
      await until(
        () => writer.set('news:k', '0'),
        () => !isNear(),
      ),
    )
    const before = received
    messages.push(
      await until(
        () => publisher.publish('news', 'k'),
        () => received > before,
      ),
    )
  }
  const row = (part: number, name: string): Row => {
    const [ours, theirs] = [quantile(drops, part), quantile(messages, part)]
    const beside = `a pub/sub message, ${name}`
    return {
      lane: 'R4',
      what: 'a change by another client is heard',
      beside,
      ours,
      theirs,
      ratio: ours / theirs,
      isCost: true,
    }
  }
  return [judged(row(0.5, 'p50'), { atMost: 1.5, aim: 1.1 }), row(0.99, 'p99')]
}

/** The nanoseconds from an action until its effect. */
async function until(act: () => Promise<unknown>, isDone: () => boolean): Promise<number> {
  const start = performance.now()
  const acted = act()
  while (!isDone()) await setImmediate()
  const elapsed = performance.now() - start
  await acted
  return elapsed * 1e6
}

/**
 * Provokes a race: the server has answered a read, and the answer stays in the socket until the invalidation of its value was
 * received. A copy of that answer would be stale for good.
 */
async function races(contenders: RedisContenders): Promise<Row[]> {
  const client = new Redis(contenders.server.url, { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false })
  const backend = redis({ client, namespace: 'race:', clientSide: true })
  const cache = createCache().setup(backend, { suppress: false, readTimeout: '1m' })
  await cache.init()
  const writer = contenders.ioredis()
  const naive = await naiveCopies(contenders)
  const serializer = createSerializer()
  let [stale, naiveStale, overtaken] = [0, 0, 0]
  for (let round = 0; round < RACES / AT_ONCE; round++) {
    const keys = Array.from({ length: AT_ONCE }, (_, at) => `${round}:${at}`)
    const write = (value: string) =>
      writer.mset(
        keys.flatMap((key) => [`race:${key}`, serializer.encode(key, value) as Buffer, `naive:${key}`, value]),
      )
    await write('old')
    while (!backend.clientSide?.live) await setImmediate()
    const { invalidations: heard } = backend.clientSide
    const sockets = [client, naive.client].map(({ stream }) => stream)
    for (const socket of sockets) socket.pause()
    const reads = keys.flatMap((key): Promise<unknown>[] => [cache.get(key), naive.get(key)])
    // The server receives the reads before the command of the writer.
    while (sockets.some((socket) => socket.writableLength > 0)) await setImmediate()
    await setImmediate()
    await write('new')
    while ((backend.clientSide?.invalidations ?? 0) < heard + AT_ONCE || naive.heard < (round * 2 + 2) * AT_ONCE)
      await setImmediate()
    for (const socket of sockets) socket.resume()
    const answers = await Promise.all(reads)
    overtaken += answers.filter((answer, at) => at % 2 === 0 && answer === 'old').length
    for (const key of keys) {
      if ((await cache.get(key)) !== 'new') stale++
      if ((await naive.get(key)) !== 'new') naiveStale++
    }
  }
  await cache.close()
  client.disconnect()
  const what = `${RACES} reads, overtaken by the news that their answer is out of date`
  const compared = (beside: string, ratio: number): Row => ({ lane: 'R4', what, beside, ratio })
  return [
    { ...exactly('R4', what, stale, 0), beside: 'stale for good' },
    compared('stale for good, kept without a token', naiveStale),
    compared('were overtaken', overtaken),
  ]
}

/** Copies as written by hand: dropped at an invalidation, and otherwise kept. */
async function naiveCopies(contenders: RedisContenders) {
  const client = contenders.ioredis()
  const ear = new Redis(contenders.server.url, { protocol: 2 })
  const copies = new Map<string, unknown>()
  const naive = {
    client,
    heard: 0,
    async get(key: string): Promise<unknown> {
      const copy = copies.get(key)
      if (copy !== undefined) return copy
      const value = await client.get(`naive:${key}`)
      copies.set(key, value)
      return value
    },
  }
  const id = await ear.client('ID')
  await ear.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', 'naive:')
  await ear.subscribe('__redis__:invalidate')
  ear.on('messageBuffer', (_: Buffer, names: unknown) => {
    for (const name of names as Buffer[]) copies.delete(String(name).slice('naive:'.length))
    naive.heard += (names as Buffer[]).length
  })
  contenders.toClose(() => ear.disconnect())
  return naive
}
