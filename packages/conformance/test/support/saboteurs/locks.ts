import type { Milliseconds } from '@cashews/core'
import type { RichBackend } from '../rich-reference.ts'
import { FOREVER, type Saboteur, sleep } from './tools.ts'

/** Locks that remember which one was taken last. */
function watched(locks: RichBackend['locks']) {
  const seen = {
    key: '',
    locks: {
      ...locks,
      acquire(key: string, token: string, lifetime: Milliseconds) {
        seen.key = key
        return locks.acquire(key, token, lifetime)
      },
    },
  }
  return seen
}

export const locks: Readonly<Record<string, Saboteur>> = {
  'acquire takes a free lock': (store) => ({ locks: { ...store.locks, acquire: () => false } }),
  'acquire leaves a lock to the token that holds it': (store) => ({
    locks: {
      ...store.locks,
      async acquire(key, token, lifetime) {
        if (await store.locks.acquire(key, token, lifetime)) return true
        for (const holder of ['me', 'you']) await store.locks.release(key, holder)
        return store.locks.acquire(key, token, lifetime)
      },
    },
  }),
  'acquireAndInspect takes a free lock, and answers what inspect does': (store) => ({
    locks: { ...store.locks, acquireAndInspect: (key) => store.inspect(key) },
  }),
  'acquireAndInspect answers undefined while another token holds the lock': (store) => ({
    locks: {
      ...store.locks,
      acquireAndInspect: async (key, token, lifetime) => {
        await store.locks.acquire(key, token, lifetime)
        return store.inspect(key)
      },
    },
  }),
  'acquire renews a lock that the token holds': (store) => ({
    locks: {
      ...store.locks,
      acquire: async (key, ...rest) => !(await store.locks.isLocked(key)) && store.locks.acquire(key, ...rest),
    },
  }),
  'a lock is free again after its lifetime': (store) => ({
    locks: { ...store.locks, acquire: (key, token) => store.locks.acquire(key, token, FOREVER) },
  }),
  'extend gives a lock that the token holds a new lifetime': (store) => ({
    locks: { ...store.locks, extend: (key) => store.locks.isLocked(key) },
  }),
  'extend answers false for a lock that was lost, and does not take it': (store) => ({
    locks: { ...store.locks, extend: (...args) => store.locks.acquire(...args) },
  }),
  'extend answers false to anybody else': (store) => ({
    locks: {
      ...store.locks,
      extend: async (key, _, lifetime) => (await store.locks.isLocked(key)) && store.locks.extend(key, 'me', lifetime),
    },
  }),
  'release frees the lock if the token holds it, and answers whether it did': (store) => ({
    locks: {
      ...store.locks,
      async release(...args) {
        await store.locks.release(...args)
        return true
      },
    },
  }),
  'release by anybody else frees nothing': (store) => ({
    locks: { ...store.locks, release: (key) => store.locks.release(key, 'me') },
  }),
  'a lock that passed on is not freed by the one who lost it': (store) => {
    const had = new Set<string>()
    return {
      locks: {
        ...store.locks,
        acquire(key, token, lifetime) {
          had.add(`${key} ${token}`)
          return store.locks.acquire(key, 'whoever', lifetime)
        },
        release: async (key, token) => had.has(`${key} ${token}`) && store.locks.release(key, 'whoever'),
      },
    }
  },
  'one lock does not touch another': (store) => ({
    locks: {
      ...store.locks,
      acquire: (_, ...rest) => store.locks.acquire('the one lock', ...rest),
      isLocked: () => store.locks.isLocked('the one lock'),
    },
  }),
  'a lock does not touch the value of the same name': (store) => ({
    locks: {
      ...store.locks,
      acquire: (key, token, lifetime) => store.set(key, token, lifetime, false),
      release: (key) => store.delete(key),
    },
  }),
  'a value does not touch the lock of the same name': (store) => ({
    locks: { ...store.locks, isLocked: async (key) => (await store.exists(key)) || store.locks.isLocked(key) },
  }),
  'scan leaves locks out': (store) => {
    const seen = watched(store.locks)
    return {
      locks: seen.locks,
      async *scan(...args) {
        yield* store.scan(...args)
        if (seen.key) yield seen.key
      },
    }
  },
  'count leaves locks out': (store) => {
    const seen = watched(store.locks)
    return { locks: seen.locks, count: async () => (await store.count()) + (seen.key ? 1 : 0) }
  },
  'clear leaves locks as they are': (store) => {
    const seen = watched(store.locks)
    return {
      locks: seen.locks,
      async clear() {
        await store.clear()
        await store.locks.release(seen.key, 'me')
      },
    }
  },
  'deleteMatch leaves locks as they are': (store) => {
    const seen = watched(store.locks)
    return {
      locks: seen.locks,
      async deleteMatch(pattern) {
        await store.locks.release(seen.key, 'me')
        return store.deleteMatch(pattern)
      },
    }
  },
  'released resolves after the time it was given at most': (store) => ({
    locks: { ...store.locks, released: () => new Promise(() => {}) },
  }),
  'released resolves when the lock is freed': (store) => ({
    locks: { ...store.locks, released: (_, atMost) => sleep(atMost) },
  }),
}
