import { deepStrictEqual, strictEqual } from 'node:assert'
import { type MemoryOptions, memory } from '@cashews/backend-memory'
import { HOUR, lru } from '../contenders.ts'
import { compare, run } from '../harness.ts'
import { CAPACITY, type User, userOf } from '../users.ts'

const names = (word: string, count: number) => Array.from({ length: count }, (_, at) => [word, at].join(':'))

/** The keys in a store, and the same keys in another order and as other strings, as requests bring them. */
const keys = names('user', CAPACITY)
const asked = names('user', CAPACITY).sort((one, other) => hash(one) - hash(other))
/** More keys than a store holds, so that each of them evicts another one. */
const strangers = names('stranger', 2 * CAPACITY)
const user = userOf('1')

function hash(text: string): number {
  return [...text].reduce((sum, character) => Math.imul(sum ^ character.charCodeAt(0), 16_777_619), 7)
}

/** The number of operations between two turns of timers and I/O. */
const PORTION = 1_000

/**
 * Returns a thousand keys at a time, so that the loop of a contender runs often enough for V8 to compile it as a whole function,
 * and not at some moment during a run, which alone made ratios of 0.8 and of 1.3 out of the same code.
 */
function inPortions(all: readonly string[]): () => readonly string[] {
  const portions = Array.from({ length: all.length / PORTION }, (_, at) => all.slice(at * PORTION, (at + 1) * PORTION))
  let next = 0
  return () => portions[next++ % portions.length] as readonly string[]
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

const peer = (atLeast: number, aim: number) => ({ name: 'lru-cache, ttl', bar: { atLeast, aim } })

/** M5: the store alone, full, beside lru-cache of the same size, both with a ttl. */
await run(async () => {
  const [read, readPeer] = [ours(), theirs()]
  const [toRead, toReadThere] = [inPortions(asked), inPortions(asked)]
  const hits = await compare({
    lane: 'M5',
    what: `get, one of ${CAPACITY}, isolation: 'none'`,
    ours: {
      name: 'memory',
      batch: () => {
        for (const key of toRead()) read.get(key)
      },
      check: () => checkHits((key) => read.get(key)),
    },
    peers: [
      {
        ...peer(1.2, 1.9),
        batch: () => {
          for (const key of toReadThere()) readPeer.get(key)
        },
        check: () => checkHits((key) => readPeer.get(key)),
      },
    ],
  })

  const [written, writtenPeer] = [ours(), theirs()]
  const [toWrite, toWriteThere] = [inPortions(asked), inPortions(asked)]
  const overwrites = await compare({
    lane: 'M5',
    what: `overwrite, one of ${CAPACITY}, isolation: 'none'`,
    ours: {
      name: 'memory',
      batch: () => {
        for (const key of toWrite()) written.set(key, user, HOUR)
      },
      check: () => strictEqual(written.count(), CAPACITY),
    },
    peers: [
      {
        ...peer(1.5, 3),
        batch: () => {
          for (const key of toWriteThere()) writtenPeer.set(key, user)
        },
        check: () => strictEqual(writtenPeer.size, CAPACITY),
      },
    ],
  })

  const [full, fullPeer] = [ours(), theirs()]
  const [toAdd, toAddThere] = [inPortions(strangers), inPortions(strangers)]
  const evictions = await compare({
    lane: 'M5',
    what: `set that evicts, one of ${CAPACITY}, isolation: 'none'`,
    ours: {
      name: 'memory',
      batch: () => {
        for (const key of toAdd()) full.set(key, user, HOUR)
      },
      check: () => strictEqual(full.count(), CAPACITY),
    },
    peers: [
      {
        ...peer(1.1, 1.4),
        batch: () => {
          for (const key of toAddThere()) fullPeer.set(key, user)
        },
        check: () => strictEqual(fullPeer.size, CAPACITY),
      },
    ],
  })

  // Last, since the code of the store is no longer compiled for one set of options after this.
  const [copied, sieved] = [ours({ isolation: 'clone' }), ours({ eviction: 'sieve' })]
  const [toCopy, toSieve] = [inPortions(asked), inPortions(asked)]
  const variants = await compare({
    lane: 'M5',
    what: `get, one of ${CAPACITY}, beside other options`,
    ours: {
      name: "isolation: 'none'",
      batch: () => {
        for (const key of toRead()) read.get(key)
      },
      check: () => checkHits((key) => read.get(key)),
    },
    peers: [
      {
        name: "isolation: 'clone'",
        batch: () => {
          for (const key of toCopy()) copied.get(key)
        },
        check: () => checkHits((key) => copied.get(key)),
      },
      {
        name: "eviction: 'sieve'",
        batch: () => {
          for (const key of toSieve()) sieved.get(key)
        },
        check: () => checkHits((key) => sieved.get(key)),
      },
    ],
  })
  return [...hits, ...overwrites, ...evictions, ...variants]
})
