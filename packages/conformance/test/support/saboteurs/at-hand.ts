import { MISS } from '@cashews/core'
import type { Saboteur } from './tools.ts'

export const atHand: Readonly<Record<string, Saboteur>> = {
  'usage tells at once how many keys the store holds': (store) => {
    let entries = 0
    return {
      set: (...write) => {
        entries++
        return store.set(...write)
      },
      usage: () => ({ entries }),
    }
  },
  'getNow answers at once, and nothing that get would not': (store) => {
    const kept = new Map<string, unknown>()
    return {
      set: (key, value, ...rest) => {
        kept.set(key, value)
        return store.set(key, value, ...rest)
      },
      getNow: (key) => (kept.has(key) ? kept.get(key) : MISS),
    }
  },
  'getFor tells an asker once what get would answer': (store) => ({
    getFor: (key, asker) => store.getFor(key === 'absent' ? 'a' : key, asker),
  }),
  'now answers the bits that get does, or undefined': (store) => {
    const kept = new Set<number>()
    return {
      bits: {
        ...store.bits,
        incr(key, indexes, ...rest) {
          for (const index of indexes) kept.add(index)
          return store.bits.incr(key, indexes, ...rest)
        },
        now: () => ({ bit: (index) => (kept.has(index) ? 1 : 0) }),
      },
    }
  },
}
