import { FOREVER, type Saboteur } from './tools.ts'

export const conditions: Readonly<Record<string, Saboteur>> = {
  'set answers true': (store) => ({ set: async (...args) => !(await store.exists(args[0])) && store.set(...args) }),
  'set with exists true writes only over a key that is there': (store) => ({
    set: (key, value, lifetime, exists) =>
      store.set(key, value, lifetime, exists || undefined === exists ? undefined : exists),
  }),
  'set with exists false writes only where there is no key': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, lifetime, exists || undefined),
  }),
  'a write that was refused leaves the lifetime as it is': (store) => ({
    async set(key, value, lifetime, exists) {
      const written = await store.set(key, value, lifetime, exists)
      if (!written) await store.expire(key, lifetime)
      return written
    },
  }),
  'a write under a condition replaces the lifetime': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, exists ? FOREVER : lifetime, exists),
  }),
  'delete removes a key and answers whether it was there': (store) => ({
    async delete(key) {
      await store.delete(key)
      return true
    },
  }),
  'exists answers whether a key is there': () => ({ exists: () => true }),
}
