import { FOREVER, otherKind, type Saboteur } from './tools.ts'

export const sets: Readonly<Record<string, Saboteur>> = {
  'add answers how many members were new': (store) => ({
    sets: {
      ...store.sets,
      async add(...args) {
        await store.sets.add(...args)
        return args[1].length
      },
    },
  }),
  'add gives a set the lifetime named, in place of the one it has': (store) => ({
    sets: {
      ...store.sets,
      add: async (key, members, lifetime) =>
        (await store.exists(key)) ? store.sets.add(key, members) : store.sets.add(key, members, lifetime),
    },
  }),
  'add without a lifetime leaves a set its own': (store) => ({
    sets: { ...store.sets, add: (key, members, lifetime = FOREVER) => store.sets.add(key, members, lifetime) },
  }),
  'a set ends with its lifetime': (store) => ({
    sets: { ...store.sets, add: (key, members) => store.sets.add(key, members) },
  }),
  'remove answers how many members were there': (store) => ({
    sets: {
      ...store.sets,
      async remove(...args) {
        await store.sets.remove(...args)
        return args[1].length
      },
    },
  }),
  'remove and pop leave a set the lifetime it has': (store) => ({
    sets: {
      ...store.sets,
      async pop(...args) {
        const popped = await store.sets.pop(...args)
        await store.expire(args[0], FOREVER)
        return popped
      },
    },
  }),
  'pop removes and answers up to count members': (store) => ({
    sets: {
      ...store.sets,
      async pop(...args) {
        const popped = await store.sets.pop(...args)
        await store.sets.add(args[0], popped)
        return popped
      },
    },
  }),
  'pop of no members answers none': (store) => ({
    sets: { ...store.sets, pop: (key, count) => store.sets.pop(key, count || 100) },
  }),
  'a set that becomes empty is an absent key': (store) => {
    const made = new Set<string>()
    return {
      sets: {
        ...store.sets,
        add(key, ...rest) {
          made.add(key)
          return store.sets.add(key, ...rest)
        },
      },
      exists: async (key) => made.has(key) || store.exists(key),
    }
  },
  'a set that was never there is not made by remove or pop': (store) => ({
    sets: {
      ...store.sets,
      async remove(...args) {
        if (await store.exists(args[0])) return store.sets.remove(...args)
        await store.sets.add(args[0], [''])
        return 0
      },
    },
  }),
  ...otherKind('a set', 'sets'),
}
