import { MISS, type WindowCount } from '@cashews/core'
import { type Saboteur, torn, turn } from './tools.ts'

export const atomicity: Readonly<Record<string, Saboteur>> = {
  'incr is one step: no increment is lost': (store) => ({
    incr: async (key, by, lifetime) =>
      (await torn(
        () => store.get(key),
        async (value) => {
          const sum = (value === MISS ? 0 : Number(value)) + by
          await store.set(key, sum, lifetime)
          return sum
        },
      )) as number,
  }),
  'set where there is no key is one step: one caller writes': (store) => ({
    set: async (key, value, lifetime, exists) =>
      (await torn(
        () => store.exists(key),
        (there) => (exists ?? there) === there && store.set(key, value, lifetime),
      )) as boolean,
  }),
  'delete is one step: one caller is told that the key was there': (store) => ({
    delete: async (key) =>
      (await torn(
        () => store.exists(key),
        async (there) => {
          await store.delete(key)
          return there
        },
      )) as boolean,
  }),
  'set over a key that is there is one step: it brings back nothing deleted': (store) => ({
    set: async (key, value, lifetime, exists) =>
      (await torn(
        () => store.exists(key),
        (there) => (exists ?? there) === there && store.set(key, value, lifetime),
      )) as boolean,
  }),
  'expire is one step: it brings back nothing deleted, and undoes no write': (store) => ({
    expire: async (key, lifetime) =>
      (await torn(
        () => store.get(key),
        (value) => value !== MISS && store.set(key, value, lifetime),
      )) as boolean,
  }),
  'apply is one step: one of many callers who expect the same stamp writes': (store) => ({
    apply: async (expectations, writes) =>
      (await torn(
        () => store.apply(expectations, []),
        (holds) => holds && store.apply([], writes),
      )) as boolean,
  }),
  'apply is one step: no change made of inspect and apply is lost': (store) => ({
    apply: async (expectations, writes) =>
      (await torn(
        () => store.apply(expectations, []),
        (holds) => holds && store.apply([], writes),
      )) as boolean,
  }),
  'apply is one step: nobody sees some of its writes without the others': (store) => ({
    async apply(expectations, writes) {
      if (!(await store.apply(expectations, []))) return false
      for (const write of writes) {
        await turn()
        await store.apply([], [write])
      }
      return true
    },
  }),
  'bits are changed in one step: no increment is lost': (store) => ({
    bits: {
      ...store.bits,
      incr: async (key, indexes, size, by) =>
        (await torn(
          () => store.bits.get(key, indexes, size),
          async (fields) => {
            const now = await store.bits.get(key, indexes, size)
            for (const [at, index] of indexes.entries()) {
              await store.bits.incr(key, [index], size, (fields[at] ?? 0) + by - (now[at] ?? 0))
            }
            return fields.map((field) => field + by)
          },
        )) as number[],
    },
  }),
  'a window is counted in one step: no more than max pass': () => {
    const events = new Map<string, number>()
    return {
      windows: {
        incr: async (key, { max }) =>
          (await torn(
            () => events.get(key) ?? 0,
            (count) => {
              const added = count < max
              if (added) events.set(key, count + 1)
              return { count: Math.min(count + 1, max), added, age: 0 }
            },
          )) as WindowCount,
      },
    }
  },
  'a set is changed in one step: no member is lost': (store) => {
    const members = new Map<string, readonly string[]>()
    return {
      sets: {
        ...store.sets,
        add: async (key, added) =>
          (await torn(
            () => members.get(key) ?? [],
            (before) => {
              const after = [...new Set([...before, ...added])]
              members.set(key, after)
              return after.length - before.length
            },
          )) as number,
        pop: (key) => [...(members.get(key) ?? [])],
      },
    }
  },
  'a set is popped in one step: no member is handed out twice': (store) => {
    const members: string[] = []
    return {
      sets: {
        ...store.sets,
        add: (_, added) => members.push(...added),
        pop: async (_, count) =>
          (await torn(
            () => members.slice(0, count),
            (popped) => {
              members.splice(0, count)
              return popped
            },
          )) as string[],
      },
    }
  },
  'a lock is taken in one step: one caller holds it': (store) => ({
    locks: {
      ...store.locks,
      acquire: async (key, token, lifetime) =>
        (await torn(
          () => store.locks.isLocked(key),
          async (held) => {
            if (!held) await store.locks.acquire(key, token, lifetime)
            return !held
          },
        )) as boolean,
    },
  }),
}
