import { deepStrictEqual, strictEqual } from 'node:assert'
import { memory } from '@cashews/backend-memory'
import { HOUR, lru } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { CAPACITY, ids, type User, userOf } from '../users.ts'

const keys = ids.map((id) => `user:${id}`)
const users = new Map(ids.map((id, at) => [keys[at] as string, userOf(id)]))
const user = userOf('1')
const ratio = (atLeast: number, aim: number) => ({ name: 'lru-cache, ttl', bar: { atLeast, aim } })

/** Keys that come one after another until none of the first is left, and then again. */
const strangers = Array.from({ length: 2 * CAPACITY }, (_, at) => `stranger:${at}`)
const BATCH = 1_000

function store(isolation: 'none' | 'clone' = 'none') {
  const store = memory({ size: CAPACITY, isolation })
  store.open({ removed: () => {}, error: () => {} })
  for (const [key, user] of users) store.set(key, user, HOUR)
  return store
}

function peer() {
  const entries = lru<User>()
  for (const [key, user] of users) entries.set(key, user)
  return entries
}

function checkHits(get: (key: string) => unknown): void {
  for (const [key, user] of users) deepStrictEqual(get(key), user)
}

/** M5: the store by itself, beside lru-cache, both with a time to live. */
await run(async () => {
  const [read, readPeer, copied] = [store(), peer(), store('clone')]
  const hits = await compare({
    lane: 'M5',
    what: "store alone: get, isolation: 'none'",
    ours: {
      name: 'memory',
      batch: () => {
        for (const key of keys) read.get(key)
      },
      check: () => checkHits((key) => read.get(key)),
    },
    peers: [
      {
        ...ratio(1.2, 1.9),
        batch: () => {
          for (const key of keys) readPeer.get(key)
        },
        check: () => checkHits((key) => readPeer.get(key)),
      },
      {
        name: "memory, isolation: 'clone'",
        batch: () => {
          for (const key of keys) copied.get(key)
        },
        check: () => checkHits((key) => copied.get(key)),
      },
    ],
  })

  const [written, writtenPeer] = [store(), peer()]
  const overwrites = await compare({
    lane: 'M5',
    what: 'store alone: overwrite',
    ours: {
      name: 'memory',
      batch: () => {
        for (const key of keys) written.set(key, user, HOUR)
      },
      check: () => strictEqual(written.count(), keys.length),
    },
    peers: [
      {
        ...ratio(1.5, 3),
        batch: () => {
          for (const key of keys) writtenPeer.set(key, user)
        },
        check: () => strictEqual(writtenPeer.size, keys.length),
      },
    ],
  })

  const [full, fullPeer] = [store(), peer()]
  for (const key of strangers) {
    full.set(key, user, HOUR)
    fullPeer.set(key, user)
  }
  const turn = { ours: 0, theirs: 0 }
  const evictions = await compare({
    lane: 'M5',
    what: 'store alone: set that evicts',
    ours: {
      name: 'memory',
      operations: BATCH,
      batch: () => {
        for (let made = 0; made < BATCH; made++) full.set(strangers[turn.ours++ % strangers.length] as string, user, HOUR)
      },
      check: () => strictEqual(full.count(), CAPACITY),
    },
    peers: [
      {
        ...ratio(1.1, 1.4),
        operations: BATCH,
        batch: () => {
          for (let made = 0; made < BATCH; made++) fullPeer.set(strangers[turn.theirs++ % strangers.length] as string, user)
        },
        check: () => strictEqual(fullPeer.size, CAPACITY),
      },
    ],
  })
  return [...hits, ...overwrites, ...evictions]
})
