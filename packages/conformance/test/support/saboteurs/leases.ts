import { collect, FOREVER, type Saboteur } from './tools.ts'

export const leases: Readonly<Record<string, Saboteur>> = {
  'a lease comes with a miss, and not with a value': (store) => ({
    leases: { ...store.leases, get: async (key) => ({ lease: 'any', ...(await store.leases.get(key)) }) },
  }),
  'a lease lets its holder store the value, with its lifetime': (store) => ({
    leases: { ...store.leases, set: (key, value, _, lease) => store.leases.set(key, value, FOREVER, lease) },
  }),
  'a lease is void as soon as anybody writes the key': (store) => ({
    leases: { ...store.leases, set: (key, value, lifetime) => store.set(key, value, lifetime) },
  }),
  'a lease is void as soon as anybody deletes the key, although it is absent': (store) => ({
    delete: async (key) => (await store.exists(key)) && store.delete(key),
  }),
  'a lease is void when the key was written and deleted meanwhile': (store) => ({
    leases: { ...store.leases, set: (key, value, lifetime) => store.set(key, value, lifetime, false) },
  }),
  'take answers a lease, whatever the key holds': (store) => ({
    leases: { ...store.leases, take: async (key) => (await store.leases.get(key)).lease ?? '' },
  }),
  'a lease over a value is void as soon as anybody writes or deletes it': (store) => ({
    leases: {
      ...store.leases,
      take: async () => 'any',
      set: (key, value, lifetime, lease) =>
        lease === 'any' ? store.set(key, value, lifetime) : store.leases.set(key, value, lifetime, lease),
    },
  }),
  'a load gives way to those that began after it, and not to earlier ones': (store) => ({
    leases: {
      ...store.leases,
      async set(key, value, lifetime, lease) {
        const stored = await store.leases.set(key, value, lifetime, lease)
        if (stored) await store.set(key, value, lifetime)
        return stored
      },
    },
  }),
  'holds tells whether a lease is void': (store) => ({
    leases: { ...store.leases, holds: () => true },
  }),
  'a lease is void after deleteMany, deleteMatch and clear': (store) => ({
    deleteMatch: async (pattern) => store.deleteMany(await collect(store.scan(pattern, 100))),
  }),
  'voidMatch voids the leases on keys that match a glob, there or not, and no others': (store) => ({
    leases: {
      ...store.leases,
      voidMatch: async (pattern) => {
        await store.deleteMany(await collect(store.scan(pattern, 100)))
      },
    },
  }),
}
