import { type Expectation, MISS } from '@cashews/core'
import { FOREVER, HOUR, type Saboteur } from './tools.ts'

/** These checks name no locks. */
const keyed = (expectations: readonly object[]): readonly Expectation[] => expectations as readonly Expectation[]

export const apply: Readonly<Record<string, Saboteur>> = {
  'inspect answers the value': (store) => ({
    inspect: async (key) => {
      const found = await store.inspect(key)
      return found === MISS ? found : { ...found, value: JSON.stringify(found.value) }
    },
  }),
  'inspect answers the time left, Infinity when there is no expiry': (store) => ({
    inspect: async (key) => {
      const found = await store.inspect(key)
      return found === MISS ? found : { ...found, timeLeft: Math.min(found.timeLeft, 24 * HOUR) }
    },
  }),
  'inspect answers MISS for an absent key': (store) => ({
    inspect: async (key) => {
      const found = await store.inspect(key)
      return found === MISS ? { value: undefined, timeLeft: FOREVER, stamp: 0 } : found
    },
  }),
  'a stamp stays while nobody writes the key': (store) => {
    let reads = 0
    return {
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS ? found : { ...found, stamp: ++reads }
      },
    }
  },
  'a stamp changes whenever what its key holds changes': (store) => {
    const stamps = new Map<string, number>()
    const written = (key: string) => stamps.set(key, (stamps.get(key) ?? 0) + 1)
    return {
      set: (key, ...rest) => {
        written(key)
        return store.set(key, ...rest)
      },
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS ? found : { ...found, stamp: stamps.get(key) ?? 0 }
      },
    }
  },
  'a stamp never comes back, also of a key that was gone meanwhile': (store) => ({
    async inspect(key) {
      const found = await store.inspect(key)
      return found === MISS ? found : { ...found, stamp: 1 }
    },
  }),
  'apply makes its writes while the stamp it expects holds': (store) => ({
    apply: async (expectations, writes) =>
      keyed(expectations).every(({ stamp }) => stamp === undefined) && store.apply(expectations, writes),
  }),
  'apply makes none of its writes when the stamp it expects has changed': (store) => ({
    async apply(expectations, writes) {
      for (const { key, stamp } of keyed(expectations))
        if ((await store.exists(key)) !== (stamp !== undefined)) return false
      return store.apply([], writes)
    },
  }),
  'apply makes none of its writes when the key of an expected stamp was deleted': (store) => ({
    async apply(expectations, writes) {
      const there = []
      for (const each of keyed(expectations))
        if (each.stamp === undefined || (await store.exists(each.key))) there.push(each)
      return store.apply(there, writes)
    },
  }),
  'apply takes an expectation without a stamp for an absent key': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        keyed(expectations).filter(({ stamp }) => stamp !== undefined),
        writes,
      ),
  }),
  'apply makes none of its writes when one of several expectations fails': (store) => ({
    apply: (expectations, writes) => store.apply(expectations.slice(0, 1), writes),
  }),
  'apply may expect nothing, and may write nothing': (store) => ({
    apply: async (expectations, writes) => expectations.length > 0 && store.apply(expectations, writes),
  }),
  'apply makes its writes in their order': (store) => ({
    apply: (expectations, writes) => store.apply(expectations, [...writes].reverse()),
  }),
  'apply sets a value with its lifetime': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations,
        writes.map((write) => (write.op === 'set' ? { ...write, lifetime: 'keep' } : write)),
      ),
  }),
  "apply keeps the lifetime a key has when a write says 'keep'": (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations,
        writes.map((write) =>
          write.op === 'set' && write.lifetime === 'keep' ? { ...write, lifetime: FOREVER } : write,
        ),
      ),
  }),
  'apply gives a key a new lifetime, and an absent key none': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations,
        writes.filter(({ op }) => op !== 'expire'),
      ),
  }),
  'apply deletes a key': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations,
        writes.filter(({ op }) => op !== 'delete'),
      ),
  }),
}
