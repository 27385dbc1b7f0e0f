import { type HandClock, reference } from '@cashews/conformance'
import {
  type Asker,
  type Backend,
  type Bits,
  chain,
  compileGlob,
  type Leases,
  type Locks,
  MISS,
  type Sets,
  type Tags,
  type TagsAhead,
  type Usage,
  type Windows,
} from '@cashews/core'

/** A backend that has everything a backend can have. */
export interface RichBackend extends Backend {
  readonly bits: Bits
  readonly windows: Windows
  readonly sets: Sets
  readonly locks: Locks & Required<Pick<Locks, 'released' | 'acquireAndInspect'>>
  readonly leases: Leases
  readonly tags: Tags & Required<Pick<Tags, 'capture' | 'holds'>>
  getNow(key: string): unknown
  answerNow(key: string): Promise<unknown> | undefined
  getFor(key: string, asker: Asker): void
  usage(): Usage
  readonly visit: Exclude<Backend['visit'], undefined>
}

/** The reference backend with what it leaves out: leases, locks that inspect and tell, and values at hand. */
export function richReference(clock: HandClock): RichBackend {
  const store = reference({ clock })
  const { bits, windows, sets, locks, tags } = store
  if (!bits || !windows || !sets || !locks || !tags || !tags.capture || !tags.holds)
    throw new Error('The reference backend has every group.')
  const atHand = new Map<string, { readonly value: unknown; readonly expiresAt: number }>()
  const tokens = new Map<string, number[]>()
  const keys = new Set<string>()
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
  const take = async (key: string, ahead?: TagsAhead): Promise<string> => {
    tokens.set(key, [...(tokens.get(key) ?? []), ++last])
    return `${last} ${ahead ? await tags.capture?.(ahead) : ''}`
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
    usage: () => ({ entries: keys.size }),
    async *visit(pattern, batchSize, act) {
      for await (const key of store.scan(pattern, batchSize)) yield act([key])
    },
    getNow,
    answerNow(key) {
      const value = getNow(key)
      return value === MISS ? undefined : Promise.resolve(value)
    },
    getFor: (key, asker) =>
      void Promise.resolve(store.get(key)).then(
        (value) => asker.found(value),
        (error) => asker.failed(error),
      ),
    set: write((key, ...rest) => {
      keys.add(key)
      return store.set(key, ...rest)
    }),
    delete: write((key) => {
      keys.delete(key)
      return store.delete(key)
    }),
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
      touch(...writes.flatMap((write) => ('key' in write ? [write.key] : [])))
      return chain(store.apply(expectations, writes), (done) => {
        if (done) for (const write of writes) if (write.op === 'unlock') waiters.get(write.lock)?.()
        return done
      })
    },
    bits: { ...bits, incr: write(bits.incr), now: () => undefined },
    windows: { incr: write(windows.incr) },
    sets: { add: write(sets.add), remove: write(sets.remove), pop: write(sets.pop) },
    locks: {
      ...locks,
      async release(key, token) {
        const freed = await locks.release(key, token)
        if (freed) waiters.get(key)?.()
        return freed
      },
      acquireAndInspect: (lock, token, lifetime) =>
        chain(locks.acquire(lock, token, lifetime), (taken) =>
          taken ? store.inspect(lock.slice(0, Math.max(0, lock.lastIndexOf('\0')))) : undefined,
        ),
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
      async get(key, ahead) {
        const value = await store.get(key)
        return value === MISS ? { value, lease: await take(key, ahead) } : { value }
      },
      take,
      async holds(key, lease) {
        const [token = '', proof] = lease.split(/ (.*)/s)
        return (tokens.get(key) ?? []).includes(Number(token)) && (!proof || (await tags.holds?.(proof)) === true)
      },
      async set(key, value, lifetime, lease, names) {
        const [token = '', proof] = lease.split(/ (.*)/s)
        const taken = tokens.get(key) ?? []
        if (!taken.includes(Number(token))) return false
        touch(key)
        tokens.set(
          key,
          taken.filter((other) => other > Number(token)),
        )
        return names ? tags.set(key, value, lifetime, names, { proof }) : store.set(key, value, lifetime)
      },
      voidMatch(pattern) {
        const matches = compileGlob(pattern)
        for (const key of tokens.keys()) if (matches(key)) tokens.delete(key)
      },
    },
    tags: {
      ...tags,
      capture: tags.capture,
      holds: tags.holds,
      set: write(tags.set),
      incr: write(tags.incr),
      setMany(entries, lifetime, names) {
        touch(...entries.map(([key]) => key))
        return tags.setMany(entries, lifetime, names)
      },
      delete(names) {
        atHand.clear()
        return tags.delete(names)
      },
      expire(names) {
        atHand.clear()
        return tags.expire(names)
      },
    },
  }
}
