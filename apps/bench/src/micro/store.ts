import { deepStrictEqual, strictEqual } from 'node:assert'
import { type MemoryOptions, memory } from '@cashews/backend-memory'
import { HOUR, lru } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { CAPACITY, type User, userOf } from '../users.ts'

const names = (word: string, count: number) => Array.from({ length: count }, (_, at) => [word, at].join(':'))

/** What fills a store, and the same keys as a request brings them: in no order, and as text of their own. */
const keys = names('user', CAPACITY)
const asked = names('user', CAPACITY).sort((one, other) => hash(one) - hash(other))
/** Keys that come one after another until none of the first is left, and then again. */
const strangers = names('stranger', 2 * CAPACITY)
const user = userOf('1')

function hash(text: string): number {
  return [...text].reduce((sum, character) => Math.imul(sum ^ character.charCodeAt(0), 16_777_619), 7)
}

function ours(options: MemoryOptions = {}) {
  const store = memory({ size: CAPACITY, isolation: 'none', ...options })
  store.open({ removed: () => {}, error: () => {} })
  for (const key of keys) store.set(key, userOf(key), HOUR)
  return store
}

function theirs() {
  const entries = lru<User>()
  for (const key of keys) entries.set(key, userOf(key))
  return entries
}

function checkHits(get: (key: string) => unknown): void {
  for (const key of asked) deepStrictEqual(get(key), userOf(key))
}

const peer = (atLeast: number, aim: number) => ({ name: 'lru-cache, ttl', operations: CAPACITY, bar: { atLeast, aim } })

/** M5: the store by itself, full, beside lru-cache of the same size, both with a time to live. */
await run(async () => {
  const [read, readPeer] = [ours(), theirs()]
  const [copied, sieved] = [ours({ isolation: 'clone' }), ours({ eviction: 'sieve' })]
  const hits = await compare({
    lane: 'M5',
    what: `get, one of ${CAPACITY}, isolation: 'none'`,
    ours: {
      name: 'memory',
      operations: CAPACITY,
      batch: () => {
        for (const key of asked) read.get(key)
      },
      check: () => checkHits((key) => read.get(key)),
    },
    peers: [
      {
        ...peer(1.2, 1.9),
        batch: () => {
          for (const key of asked) readPeer.get(key)
        },
        check: () => checkHits((key) => readPeer.get(key)),
      },
      {
        name: "isolation: 'clone'",
        operations: CAPACITY,
        batch: () => {
          for (const key of asked) copied.get(key)
        },
        check: () => checkHits((key) => copied.get(key)),
      },
      {
        name: "eviction: 'sieve'",
        operations: CAPACITY,
        batch: () => {
          for (const key of asked) sieved.get(key)
        },
        check: () => checkHits((key) => sieved.get(key)),
      },
    ],
  })

  const [written, writtenPeer] = [ours(), theirs()]
  const overwrites = await compare({
    lane: 'M5',
    what: `overwrite, one of ${CAPACITY}, isolation: 'none'`,
    ours: {
      name: 'memory',
      operations: CAPACITY,
      batch: () => {
        for (const key of asked) written.set(key, user, HOUR)
      },
      check: () => strictEqual(written.count(), CAPACITY),
    },
    peers: [
      {
        ...peer(1.5, 3),
        batch: () => {
          for (const key of asked) writtenPeer.set(key, user)
        },
        check: () => strictEqual(writtenPeer.size, CAPACITY),
      },
    ],
  })

  const [full, fullPeer] = [ours(), theirs()]
  const evictions = await compare({
    lane: 'M5',
    what: `set that evicts, one of ${CAPACITY}, isolation: 'none'`,
    ours: {
      name: 'memory',
      operations: strangers.length,
      batch: () => {
        for (const key of strangers) full.set(key, user, HOUR)
      },
      check: () => strictEqual(full.count(), CAPACITY),
    },
    peers: [
      {
        ...peer(1.1, 1.4),
        operations: strangers.length,
        batch: () => {
          for (const key of strangers) fullPeer.set(key, user)
        },
        check: () => strictEqual(fullPeer.size, CAPACITY),
      },
    ],
  })
  return [...hits, ...overwrites, ...evictions]
})
