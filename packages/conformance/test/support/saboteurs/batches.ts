import { FOREVER, type Saboteur } from './tools.ts'

export const batches: Readonly<Record<string, Saboteur>> = {
  'getMany answers in the order of the keys, MISS where there is none': (store) => ({
    getMany: (keys) => store.getMany([...keys].sort()),
  }),
  'getMany may be asked for a key twice': (store) => ({ getMany: (keys) => store.getMany([...new Set(keys)]) }),
  'getMany, deleteMany and setMany take an empty list': (store) => ({
    getMany(keys) {
      if (keys.length === 0) throw new Error("wrong number of arguments for 'mget' command")
      return store.getMany(keys)
    },
  }),
  'setMany writes all': (store) => ({
    async setMany(entries, lifetime) {
      for (const [key, value] of entries) if (value !== undefined) await store.set(key, value, lifetime)
    },
  }),
  'setMany gives each key the lifetime': (store) => ({ setMany: (entries) => store.setMany(entries, FOREVER) }),
  'deleteMany removes the keys, and answers how many were there': (store) => ({
    async deleteMany(keys) {
      await store.deleteMany(keys)
      return keys.length
    },
  }),
  'thousands of keys fit in one batch, and scan yields them all': (store) => ({
    setMany: (entries, lifetime) => store.setMany(entries.slice(0, 999), lifetime),
  }),
}
