import { redis } from '@cashews/backend-redis'
import type { Backend } from '@cashews/core'
import { Redis } from 'ioredis'
import { afterEach, vi } from 'vitest'
import type { PairCase, StoreCase } from '../backends.ts'
import { patient, waitAlsoFor } from '../helpers.ts'
import { type CatchingUp, catchingUp } from './catching-up.ts'
import { redisUrl } from './shared.ts'
import { age, slowed } from './slowed.ts'

const turnOfTheLoop = globalThis.setImmediate

/** The stores of the running test, by namespace. */
const open = new Map<string, CatchingUp>()
let admin: Redis | undefined

/** ARGV: namespace. */
const EMPTY = "for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('UNLINK', key) end"

afterEach(async () => {
  await Promise.all([...open.values()].map(({ backend }) => backend.close()))
  // A scan of the server visits the keys that other tests have left, too.
  await Promise.all([...open.keys()].map((namespace) => admin?.eval(EMPTY, 0, namespace)))
  open.clear()
  admin?.disconnect()
  admin = undefined
})

function create(): Backend {
  const namespace = `test:${crypto.randomUUID()}:`
  admin ??= new Redis(redisUrl())
  const client = admin
  const backend = patient(slowed(redis({ url: redisUrl(), namespace })))
  const store = catchingUp(backend, (duration) => age(client, namespace, duration))
  open.set(namespace, store)
  return store.backend
}

/** More answers of the server than a command of a store needs before it ends, or pauses. */
const MOST_ANSWERS = 100

/**
 * Waits until all commands are answered, and the answers cause no further ones. A command that pauses before it tries again,
 * because another one has changed the record of a tag meanwhile, goes on only when the clock moves: it is not waited for.
 */
async function settleRedis(): Promise<void> {
  const busy = () => [...open.values()].filter(({ underWay }) => underWay.size > 0)
  for (let answers = 0; answers < MOST_ANSWERS; ) {
    const areConnected = await Promise.all(busy().map((store) => store.answers()))
    await new Promise<void>((resolve) => turnOfTheLoop(resolve))
    if (busy().length === 0) return
    // A store that has only begun to connect is waited for as long as that takes.
    if (areConnected.every(Boolean)) answers++
  }
}

/** The minimum number of steps of {@link elapse}. */
const STEPS = 20

/**
 * Moves the fake clock from timer to timer. The store catches up with it at the next command. A message of the server, such as
 * that a lock is free, may lead to work without a timer, so the clock also moves in small steps.
 */
async function elapse(duration: number): Promise<void> {
  await settleRedis()
  let isOver = false
  setTimeout(() => {
    isOver = true
  }, duration)
  const stepping = setInterval(() => {}, Math.max(1, duration / STEPS))
  while (!isOver) {
    await vi.advanceTimersToNextTimerAsync()
    await settleRedis()
  }
  clearInterval(stepping)
  await vi.advanceTimersByTimeAsync(0)
  await settleRedis()
}

waitAlsoFor(settleRedis)

export const redisStores: readonly StoreCase[] = [{ name: 'redis', create, elapse, isInProcess: false }]

/** Two backends with a connection each. */
export const redisPairs: readonly PairCase[] = [
  { name: 'redis', options: {} },
  { name: 'redis with a client-side cache', options: { clientSide: true } },
].map(({ name, options }) => ({
  name,
  create() {
    const namespace = `test:${crypto.randomUUID()}:`
    return [redis({ url: redisUrl(), namespace, ...options }), redis({ url: redisUrl(), namespace, ...options })]
  },
}))
