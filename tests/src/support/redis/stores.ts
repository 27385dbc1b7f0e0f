import { redis } from '@cashews/backend-redis'
import { type Backend, guard, type Milliseconds } from '@cashews/core'
import { Redis } from 'ioredis'
import { afterEach, vi } from 'vitest'
import type { StoreCase } from '../backends.ts'
import { altered, waitAlsoFor } from '../helpers.ts'
import { type CatchingUp, catchingUp } from './catching-up.ts'
import { redisUrl } from './shared.ts'
import { age, slowed } from './slowed.ts'

/** How long a command may take: here it is not about deadlines, and the machine may be busy. */
const TIMEOUT: Milliseconds = 20_000

const turnOfTheLoop = globalThis.setImmediate

const open = new Set<CatchingUp>()
let admin: Redis | undefined

afterEach(async () => {
  await Promise.all([...open].map(({ backend }) => backend.close()))
  open.clear()
  admin?.disconnect()
  admin = undefined
})

function create(): Backend {
  const namespace = `test:${crypto.randomUUID()}:`
  admin ??= new Redis(redisUrl())
  const client = admin
  const backend = altered(slowed(redis({ url: redisUrl(), namespace })), {
    guard: (store, options) => guard(store, { ...options, readTimeout: TIMEOUT, writeTimeout: TIMEOUT }),
  })
  const store = catchingUp(backend, (duration) => age(client, namespace, duration))
  open.add(store)
  return store.backend
}

/** Waits until nothing is under way between this process and the server, and nothing follows from it. */
async function settleRedis(): Promise<void> {
  const underWay = () => [...open].flatMap((store) => [...store.underWay])
  do {
    await Promise.allSettled(underWay())
    await new Promise<void>((resolve) => turnOfTheLoop(resolve))
  } while (underWay().length > 0)
}

/** Moves the clock of this process, from timer to timer. The server catches up when it is asked. */
async function elapse(duration: Milliseconds): Promise<void> {
  await settleRedis()
  let isOver = false
  setTimeout(() => {
    isOver = true
  }, duration)
  while (!isOver) {
    await vi.advanceTimersToNextTimerAsync()
    await settleRedis()
  }
  await vi.advanceTimersByTimeAsync(0)
  await settleRedis()
}

waitAlsoFor(settleRedis)

export const redisStores: readonly StoreCase[] = [{ name: 'redis', create, elapse, isInProcess: false }]
