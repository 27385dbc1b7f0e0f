import type { Expectation } from '@cashews/core'
import { FOREVER, type Saboteur } from './tools.ts'

/** These checks name no locks. */
const keyed = (expectations: readonly object[]): readonly Expectation[] => expectations as readonly Expectation[]

export const apply: Readonly<Record<string, Saboteur>> = {
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
  'an expectation of apply without a stamp holds while the key is absent': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        keyed(expectations).filter(({ stamp }) => stamp !== undefined),
        writes,
      ),
  }),
  'apply makes none of its writes when one of several expectations fails': (store) => ({
    apply: (expectations, writes) => store.apply(expectations.slice(0, 1), writes),
  }),
  'apply makes none of its writes when one of them is refused': (store) => ({
    async apply(expectations, writes) {
      if (!(await store.apply(expectations, []))) return false
      for (const write of writes) await store.apply([], [write])
      return true
    },
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
  'apply gives a key a new lifetime, and does not create an absent one': (store) => ({
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
