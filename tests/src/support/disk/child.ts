import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { disk } from '@cashews/backend-disk'
import { type Cache, createCache } from '@cashews/core'
import Sqlite from 'better-sqlite3'

/** A task for a child process, and the directory to do it in. */
export interface Order {
  readonly role: keyof typeof ROLES
  readonly directory: string
  readonly rounds?: number
  /** The number of the process. */
  readonly me?: number
  readonly duration?: number
  readonly shards?: number
  /** Whether other processes cannot even open the files. Leaves out the first file, which they have open. */
  readonly isExclusive?: boolean
}

type Tell = (news: unknown) => void

async function open({ directory, shards = 8 }: Order): Promise<Cache> {
  const cache = createCache({ onError: (error) => console.error(error) })
  cache.setup(disk({ directory, shards, timeout: '10s' }), { suppress: false, writeTimeout: '10s', readTimeout: '10s' })
  await cache.init()
  return cache
}

const ROLES = {
  /** Writes forever, and reports acknowledged writes. */
  async write(order: Order, tell: Tell) {
    const cache = await open(order)
    for (let at = 0; ; at++) {
      const key = `key:${at % 500}`
      await cache.set(key, { key, at, text: String(at).repeat(1 + (at % 300)) })
      if (at % 20 === 19) {
        tell({ at })
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  },

  /** Runs atomic commands on the same keys as other processes. */
  async hammer(order: Order, tell: Tell) {
    const { rounds = 100, me = 0 } = order
    const cache = await open(order)
    let inside = 0
    let passed = 0
    let slowest = 0
    for (let round = 0; round < rounds; round++) {
      const start = performance.now()
      await cache.incr('count')
      slowest = Math.max(slowest, performance.now() - start)
      await cache.setAdd('members', [`${me}:${round}`, `all:${round}`])
      await cache.incrBits('bits', [me, 100], { size: 24 })
      const token = `${me}:${round}`
      if (await cache.setLock(`lock:${round}`, token, { ttl: 600 })) inside++
      if (await cache.set(`once:${round}`, me, { exists: false })) passed++
      const slice = { start: 0, end: round + 1, max: 50, ttl: 600 }
      await cache.sliceIncr('window', slice)
      if (round % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await cache.close()
    tell({ inside, passed, slowest })
  },

  /** Locks every file from outside, as a backup or a debugger would. */
  async hold({ directory, duration = 60_000, isExclusive = false }: Order, tell: Tell) {
    const { filesOf } = await import('./directories.ts')
    const paths = filesOf(directory, '.db').sort()
    const files = paths.slice(isExclusive ? 1 : 0).map((path) => new Sqlite(path, { timeout: 1_000 }))
    if (isExclusive) for (const file of files) file.pragma('locking_mode = EXCLUSIVE')
    for (const file of files) file.exec('BEGIN IMMEDIATE')
    tell('held')
    await new Promise((resolve) => setTimeout(resolve, duration))
    for (const file of files) file.close()
  },

  /** Sets and reads a key, and closes nothing. The large value starts the checkpoints of the log. */
  async idle(order: Order, tell: Tell) {
    const cache = await open(order)
    await cache.set('large', 'x'.repeat(1_000_000))
    await cache.set('idle', 1)
    tell({ value: await cache.get('idle'), now: Date.now() })
  },

  /** Tries to use a directory without permission, and reports the outcome. */
  async attempt({ directory, shards = 8 }: Order, tell: Tell) {
    const strict = createCache().setup(disk({ directory, shards }), { suppress: false })
    const failure = await strict.set('key', 1).then(() => undefined, String)
    const heard: string[] = []
    const lenient = createCache({ onError: (error) => void heard.push(String(error)) }).setup(
      disk({ directory, shards }),
    )
    const answers = [await lenient.get('key', 'nothing'), await lenient.set('key', 1)]
    await Promise.all([strict.close(), lenient.close()])
    tell({ failure, answers, heard })
  },

  /** Opens and closes a cache repeatedly, and collects garbage in between. */
  async reopen(order: Order, tell: Tell) {
    for (let round = 0; round < (order.rounds ?? 10); round++) {
      const cache = await open(order)
      await cache.set('key', round)
      await cache.close()
      if (round % 10 === 0) (globalThis as { gc?: () => void }).gc?.()
    }
    tell('done')
  },
} as const

const order = (isMainThread ? JSON.parse(process.argv[2] as string) : workerData.order) as Order
const tell: Tell = isMainThread
  ? (news) => process.stdout.write(`${JSON.stringify(news)}\n`)
  : (news) => parentPort?.postMessage(news)
await ROLES[order.role](order, tell)
