import { MISS } from '@cashews/core'
import { instead } from './instead.ts'
import type { Saboteur } from './tools.ts'

export const tags: Readonly<Record<string, Saboteur>> = {
  'set with tags writes the value with its lifetime, under the condition given': instead(({ set }) => ({
    set: (key, value, lifetime, names, { exists, ...how } = {}) => set(key, value, lifetime, names, how),
  })),
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
  'of answers the tags of a key, none when it has none': instead(({ of }, store) => ({
    of: async (key) => ((await store.get(key)) === MISS ? [] : of(key)),
  })),
  'a tag is any text, and acts neither as a pattern nor for another tag': instead(({ set }) => ({
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
  'scan, count and deleteMatch leave tags out': (store) => ({
    async *scan(...args) {
      yield* store.scan(...args)
      yield 'tag:t'
    },
  }),
  'a tag outlives its longest-lived key': (store) => ({
    async expire(key, lifetime) {
      const raw = await store.get(key)
      return store.set(key, raw, lifetime, true)
    },
  }),
}
