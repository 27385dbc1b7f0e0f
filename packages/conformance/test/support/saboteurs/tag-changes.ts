import { instead } from './instead.ts'
import type { Saboteur } from './tools.ts'

export const tagChanges: Readonly<Record<string, Saboteur>> = {
  'a stamp does not hold any more when a tag of its key was deleted': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations.filter((expected) => 'lock' in expected || expected.stamp === undefined),
        writes,
      ),
  }),
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
