import { MISS } from '@cashews/core'
import type { Saboteur } from './tools.ts'

export const answerNow: Readonly<Record<string, Saboteur>> = {
  'answerNow answers in a promise what get would, or undefined': (store) => ({
    answerNow: (key) => {
      const value = store.getNow(key)
      return value ? Promise.resolve(value) : value === MISS ? undefined : Promise.resolve(MISS)
    },
  }),
  'answerNow never answers an old value, whatever it noted in the spot': (store) => {
    const noted = new WeakMap<object, Promise<unknown>>()
    return {
      answerNow(key, spot) {
        const answer = (spot && noted.get(spot)) ?? store.answerNow(key)
        if (spot && answer) noted.set(spot, answer)
        return answer
      },
    }
  },
  'answerNow ignores what another store noted in the spot': (store) => {
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
}
