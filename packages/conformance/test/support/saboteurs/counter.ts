import { MISS, WrongTypeError } from '@cashews/core'
import { FOREVER, type Saboteur } from './tools.ts'

export const counter: Readonly<Record<string, Saboteur>> = {
  'incr adds a whole number of either sign and answers the sum': (store) => ({
    incr: (key, by, lifetime) => store.incr(key, Math.max(by, 0), lifetime),
  }),
  'incr counts an absent key as 0': (store) => ({
    incr: async (key, by, lifetime) => store.incr(key, (await store.exists(key)) ? by : 1, lifetime),
  }),
  'incr gives an absent key its lifetime, whatever it adds': (store) => ({
    incr: (key, by, lifetime) => store.incr(key, by, by === 1 ? lifetime : FOREVER),
  }),
  'incr leaves a key that is there the lifetime it has': (store) => ({
    async incr(key, by, lifetime) {
      const sum = await store.incr(key, by, lifetime)
      await store.expire(key, lifetime)
      return sum
    },
  }),
  'get reads a counter as a number': (store) => ({
    get: async (key) => {
      const value = await store.get(key)
      return typeof value === 'number' ? `${value}` : value
    },
  }),
  'incr counts on from a number that was set': (store) => {
    const counters = new Set<string>()
    return {
      async incr(key, ...rest) {
        if (!counters.has(key)) await store.delete(key)
        counters.add(key)
        return store.incr(key, ...rest)
      },
    }
  },
  'set replaces a counter': (store) => ({
    set: async (...args) => !Number.isInteger(await store.get(args[0])) && store.set(...args),
  }),
  'incr counts further than 32 bits': (store) => ({
    incr: (key, by, lifetime) => store.incr(key, by | 0, lifetime),
  }),
  'incr of a value that is not a whole number is a WrongTypeError': (store) => ({
    async incr(key, by, lifetime) {
      const value = await store.get(key)
      if (value !== MISS && Number.isNaN(Number(value))) throw new WrongTypeError('text')
      const sum = value === MISS ? by : Math.trunc(Number(value)) + by
      await store.set(key, sum, lifetime)
      return sum
    },
  }),
  'incr beyond the safe whole numbers is a WrongTypeError, and the counter stays as it is': (store) => ({
    async incr(key, by, lifetime) {
      const sum = Number(await store.get(key)) + by
      if (Number.isSafeInteger(sum) || Number.isNaN(sum)) return store.incr(key, by, lifetime)
      await store.set(key, sum, FOREVER)
      return sum
    },
  }),
  'a value that incr refuses stays as it is': (store) => ({
    async incr(key, by, lifetime) {
      try {
        return await store.incr(key, by, lifetime)
      } catch (error) {
        await store.delete(key)
        throw error
      }
    },
  }),
}
