import { type HandClock, reference } from '@cashews/conformance'
import {
  type Backend,
  type Bits,
  compileGlob,
  type Leases,
  type Locks,
  MISS,
  type Sets,
  type Spot,
  type Windows,
} from '@cashews/core'

/** A backend that has everything a backend can have. */
export interface RichBackend extends Backend {
  readonly bits: Bits
  readonly windows: Windows
  readonly sets: Sets
  readonly locks: Locks & Required<Pick<Locks, 'released'>>
  readonly leases: Leases
  getNow(key: string): unknown
  answerNow(spot: Spot): Promise<unknown> | undefined
}

/** The reference backend with what it leaves out: leases, released, and values at hand. */
export function richReference(clock: HandClock): RichBackend {
  const store = reference({ clock })
  const { bits, windows, sets, locks } = store
  if (!bits || !windows || !sets || !locks) throw new Error('The reference backend has every group.')
  const atHand = new Map<string, { readonly value: unknown; readonly expiresAt: number }>()
  const tokens = new Map<string, number[]>()
  const waiters = new Map<string, () => void>()
  let last = 0
  const touch = (...keys: readonly string[]): void => {
    for (const key of keys) {
      atHand.delete(key)
      tokens.delete(key)
    }
  }
  const touchMatch = (pattern: string): void =>
    touch(...[...atHand.keys(), ...tokens.keys()].filter(compileGlob(pattern)))
  /** Forgets a key before and after it is written, so that a read under way leaves nothing old behind. */
  const write =
    <A extends [string, ...unknown[]], R>(command: (...args: A) => R) =>
    (...args: A): R => {
      touch(args[0])
      return command(...args)
    }
  const take = (key: string): string => {
    tokens.set(key, [...(tokens.get(key) ?? []), ++last])
    return `${last}`
  }
  const getNow = (key: string): unknown => {
    const found = atHand.get(key)
    return found && found.expiresAt > clock.now() ? structuredClone(found.value) : MISS
  }
  return {
    ...store,
    async get(key) {
      const value = await store.get(key)
      const timeLeft = await store.timeLeft(key)
      if (value !== MISS && timeLeft !== MISS)
        atHand.set(key, { value: structuredClone(value), expiresAt: clock.now() + timeLeft })
      return value
    },
    getNow,
    answerNow({ key }) {
      const value = getNow(key)
      return value === MISS ? undefined : Promise.resolve(value)
    },
    set: write(store.set),
    delete: write(store.delete),
    incr: write(store.incr),
    expire: write(store.expire),
    setRaw: write(store.setRaw),
    setMany(entries, lifetime) {
      touch(...entries.map(([key]) => key))
      return store.setMany(entries, lifetime)
    },
    deleteMany(keys) {
      touch(...keys)
      return store.deleteMany(keys)
    },
    deleteMatch(pattern) {
      touchMatch(pattern)
      return store.deleteMatch(pattern)
    },
    clear() {
      touchMatch('*')
      return store.clear()
    },
    apply(expectations, writes) {
      touch(...writes.map(({ key }) => key))
      return store.apply(expectations, writes)
    },
    bits: { ...bits, incr: write(bits.incr) },
    windows: { incr: write(windows.incr) },
    sets: { add: write(sets.add), remove: write(sets.remove), pop: write(sets.pop) },
    locks: {
      ...locks,
      async release(key, token) {
        const freed = await locks.release(key, token)
        if (freed) waiters.get(key)?.()
        return freed
      },
      released: (key, atMost) =>
        new Promise((resolve) => {
          waiters.set(key, resolve)
          const timer = setInterval(() => clock.now() >= end && resolve(), 1).unref()
          const end = clock.now() + atMost
          waiters.set(key, () => {
            clearInterval(timer)
            resolve()
          })
        }),
    },
    leases: {
      async get(key) {
        const value = await store.get(key)
        return value === MISS ? { value, lease: take(key) } : { value }
      },
      take,
      async set(key, value, lifetime, lease) {
        const taken = tokens.get(key) ?? []
        if (!taken.includes(Number(lease))) return false
        touch(key)
        tokens.set(
          key,
          taken.filter((token) => token > Number(lease)),
        )
        return store.set(key, value, lifetime)
      },
    },
  }
}
