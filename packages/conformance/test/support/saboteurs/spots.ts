import { MISS } from '@cashews/core'
import type { Saboteur } from './tools.ts'

export const spots: Readonly<Record<string, Saboteur>> = {
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
