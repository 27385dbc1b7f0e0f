import { MISS } from '@cashews/core'
import { FOREVER, HOUR, type Saboteur } from './tools.ts'

export const inspect: Readonly<Record<string, Saboteur>> = {
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
  'a stamp is never that of another value the key has held, also when it was gone meanwhile': (store) => ({
    async inspect(key) {
      const found = await store.inspect(key)
      return found === MISS ? found : { ...found, stamp: Number(found.stamp) % 256 }
    },
  }),
}
