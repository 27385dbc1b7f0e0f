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
  'answerNow answers in a promise what get would, or undefined': (store) => ({
    answerNow: (key) => {
      const value = store.getNow(key)
      return value ? Promise.resolve(value) : value === MISS ? undefined : Promise.resolve(MISS)
    },
  }),
  'answerNow answers nothing old, whatever it noted in the spot': (store) => {
    const noted = new WeakMap<object, Promise<unknown>>()
    return {
      answerNow(key, spot) {
        const answer = (spot && noted.get(spot)) ?? store.answerNow(key)
        if (spot && answer) noted.set(spot, answer)
        return answer
      },
    }
  },
  'getFor tells an asker once what get would answer': (store) => ({
    getFor: (key, asker) => store.getFor(key === 'absent' ? 'a' : key, asker),
  }),
  'bits at hand are those that get answers, or none': (store) => {
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
  'answerNow makes nothing of what another store noted in the spot': (store) => {
    const places: string[] = []
    return {
      answerNow(key, spot) {
        if (spot === undefined) return store.answerNow(key)
        if (spot.store === undefined) {
          spot.store = store
          spot.at = places.push(key) - 1
        }
        return store.answerNow(String(places[spot.at]))
      },
    }
  },
  'get answers what the key holds now, whatever it noted in the spot': (store) => {
    const noted = new WeakMap<object, unknown>()
    return {
      async get(key, spot) {
        const value = (spot && noted.get(spot)) ?? (await store.get(key))
        if (spot && value !== MISS) noted.set(spot, value)
        return value
      },
    }
  },
  'incr adds to what the key holds now, whatever it noted in the spot': (store) => {
    const sums = new WeakMap<object, number>()
    return {
      incr(key, by, lifetime, spot) {
        if (spot === undefined) return store.incr(key, by, lifetime)
        const sum = (sums.get(spot) ?? 0) + by
        sums.set(spot, sum)
        return sum
      },
    }
  },
}
