import { MISS, type Tags, WrongTypeError } from '@cashews/core'
import type { RichBackend } from '../rich-reference.ts'
import type { Saboteur } from './tools.ts'

/** Replaces members of the group. */
const instead =
  (change: (tags: RichBackend['tags'], store: RichBackend) => Partial<Tags>): Saboteur =>
  (store) => ({ tags: { ...store.tags, ...change(store.tags, store) } })

/** Keeps what it saw of a key for ever, so that it does not notice what happens to its tags. */
const remembering =
  (member: 'get' | 'inspect' | 'exists'): Saboteur =>
  (store) => {
    const seen = new Map<string, unknown>()
    return {
      [member]: async (key: string) => {
        const found = (await store[member](key)) as unknown
        const known = found === MISS || found === false ? seen.get(key) : found
        if (known !== undefined) seen.set(key, known)
        return known ?? found
      },
      tags: {
        ...store.tags,
        async set(key, ...rest) {
          const done = await store.tags.set(key, ...rest)
          seen.set(key, (await store[member](key)) as unknown)
          return done
        },
      },
    }
  }

/** Lets a value be in the way of a command for another kind, although its tags are gone. */
const inTheWay =
  <G extends 'bits' | 'windows' | 'sets'>(group: G, command: keyof RichBackend[G]): Saboteur =>
  (store) => {
    const written = new Set<string>()
    const whole = store[group][command] as (key: string, ...rest: unknown[]) => unknown
    return {
      [group]: {
        ...store[group],
        async [command](key: string, ...rest: unknown[]) {
          if (written.has(key)) throw new WrongTypeError(`Key "${key}" holds a value.`)
          return whole(key, ...rest)
        },
      },
      tags: {
        ...store.tags,
        set(key, ...rest) {
          written.add(key)
          return store.tags.set(key, ...rest)
        },
      },
    }
  }

export const tags: Readonly<Record<string, Saboteur>> = {
  'set with tags writes the value with its lifetime, under the condition given': instead(({ set }) => ({
    set: (key, value, lifetime, names, { exists, ...how } = {}) => set(key, value, lifetime, names, how),
  })),
  'a key whose tag was deleted is absent for every member': remembering('exists'),
  'a key whose tag was deleted or expired is absent for bits': inTheWay('bits', 'get'),
  'a key whose tag was deleted or expired is absent for windows': inTheWay('windows', 'incr'),
  'a key whose tag was deleted or expired is absent for sets': inTheWay('sets', 'remove'),
  'a key of another tag, and one without, stays when a tag is deleted': instead((_, store) => ({
    delete: async () => store.clear(),
  })),
  'one deleted tag of several makes a key absent': instead(({ set }) => ({
    set: (key, value, lifetime, names, how) => set(key, value, lifetime, names.slice(0, 2), how),
  })),
  'what is written under a deleted tag later is there': (store) => {
    const deleted = new Set<string>()
    return {
      tags: {
        ...store.tags,
        async delete(names) {
          for (const name of names) deleted.add(name)
          await store.tags.delete(names)
        },
        set: (key, value, lifetime, names, how) =>
          store.tags.set(key, value, names.some((name) => deleted.has(name)) ? 1 : lifetime, names, how),
      },
      get: async (key) => (deleted.size > 0 ? MISS : store.get(key)),
      getMany: async (keys) => (deleted.size > 0 ? keys.map(() => MISS) : store.getMany(keys)),
    }
  },
  'a set without tags leaves a key without any': (store) => ({
    async set(key, value, lifetime, exists) {
      const names = await store.tags.of(key)
      return names === MISS || names.length === 0
        ? store.set(key, value, lifetime, exists)
        : store.tags.set(key, value, lifetime, names, { exists })
    },
  }),
  'the tags of a set replace those the key had': instead(({ set, of }) => ({
    async set(key, value, lifetime, names, how) {
      const before = await of(key)
      return set(key, value, lifetime, before === MISS ? names : [...before, ...names], how)
    },
  })),
  'incr, expire and a kept lifetime leave a key the tags it has': (store) => ({
    async incr(key, by, lifetime) {
      const sum = await store.incr(key, by, lifetime)
      await store.set(key, sum, lifetime)
      return sum
    },
  }),
  'incr with tags adds them to those of the key, and keeps its lifetime': instead(({ set }, store) => ({
    async incr(key, by, lifetime, names) {
      const sum = await store.incr(key, by, lifetime)
      await set(key, sum, lifetime, names)
      return sum
    },
  })),
  'setMany with tags puts every key under them': instead(({ setMany }, store) => ({
    async setMany(entries, lifetime, names) {
      await setMany(entries.slice(1), lifetime, names)
      await store.setMany(entries.slice(0, 1), lifetime)
    },
  })),
  'of answers the tags of a key, none when it has none': instead(({ of }, store) => ({
    of: async (key) => ((await store.get(key)) === MISS ? [] : of(key)),
  })),
  'a key whose tag expired is absent, and stale still answers its value': instead((tags) => ({
    expire: (names) => tags.delete(names),
  })),
  'a stale value is gone once its tag or its key is deleted': instead(({ set }) => {
    const kept = new Map<string, unknown>()
    return {
      set(key, value, ...rest) {
        kept.set(key, value)
        return set(key, value, ...rest)
      },
      stale: async (key) => (kept.has(key) ? kept.get(key) : MISS),
    }
  }),
  'a tag outlives its longest-lived key': (store) => ({
    async expire(key, lifetime) {
      const raw = await store.get(key)
      return store.set(key, raw, lifetime, true)
    },
  }),
  'tags are any text, and none acts as a pattern or for another': instead(({ set }) => ({
    set: (key, value, lifetime, names, how) =>
      set(
        key,
        value,
        lifetime,
        names.map((name) => name.trim()),
        how,
      ),
  })),
  'a tag and a key of the same name do not touch each other': (store) => ({
    async delete(key) {
      await store.tags.delete([key])
      return store.delete(key)
    },
  }),
  'scan, count and deleteMatch pass tags over': (store) => ({
    async *scan(...args) {
      yield* store.scan(...args)
      yield 'tag:t'
    },
  }),
  'clear removes what is under tags, and a tag serves again afterwards': (store) => {
    let cleared = false
    return {
      async clear() {
        await store.clear()
        cleared = true
      },
      tags: { ...store.tags, delete: async (names) => (cleared ? undefined : store.tags.delete(names)) },
    }
  },
  'a stamp still holds when another key under the tags of its key lives longer': (store) => {
    let writes = 0
    const seen = new Map<string, number>()
    return {
      inspect(key) {
        seen.set(key, writes)
        return store.inspect(key)
      },
      apply: async (expectations, changes) =>
        expectations.every((expected) => 'lock' in expected || seen.get(expected.key) === writes) &&
        store.apply(expectations, changes),
      tags: {
        ...store.tags,
        set(...args) {
          writes++
          return store.tags.set(...args)
        },
      },
    }
  },
  'a stamp does not hold any more when a tag of its key was deleted': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations.filter((expected) => 'lock' in expected || expected.stamp === undefined),
        writes,
      ),
  }),
  'a write of apply may put its key under tags': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations,
        writes.map((write) => (write.op === 'set' ? { ...write, tags: undefined } : write)),
      ),
  }),
  'setRaw puts a value back under its tags, unless one was deleted meanwhile': (store) => ({
    getRaw: (key) => store.get(key),
  }),
  'a proof holds until one of its tags is deleted or expires': instead(({ set }) => ({
    set: (key, value, lifetime, names, { exists } = {}) => set(key, value, lifetime, names, { exists }),
  })),
  'a lease is void as soon as anybody writes the key under a tag': (store) => ({
    leases: {
      ...store.leases,
      set: async (key, value, lifetime, lease, tags) =>
        tags ? store.tags.set(key, value, lifetime, tags) : store.leases.set(key, value, lifetime, lease),
    },
  }),
  'a lease is void when one of its tags is deleted or expires': (store) => ({
    leases: { ...store.leases, take: (key) => store.leases.take(key), get: (key) => store.leases.get(key) },
  }),
}
