import { MISS } from '@cashews/core'
import type { Saboteur } from './tools.ts'

export const values: Readonly<Record<string, Saboteur>> = {
  'names the kind of store': () => ({ name: '' }),
  'get answers the value last written': (store) => ({
    set: async (key, value, lifetime) => (await store.exists(key)) || store.set(key, value, lifetime),
  }),
  'a miss is MISS, never undefined': (store) => ({
    get: async (key) => ((await store.exists(key)) ? store.get(key) : undefined),
  }),
  'a missing key is an answer, never an error': (store) => ({
    async delete(key) {
      if (!(await store.delete(key))) throw new Error('no such key')
      return true
    },
  }),
  'undefined, null, false, 0 and the empty text are values like any other': (store) => ({
    get: async (key) => (await store.get(key)) || MISS,
  }),
  'text, numbers, lists and nested objects come back as they were': (store) => ({
    get: async (key) => {
      const value = await store.get(key)
      return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
    },
  }),
  'dates, maps, sets, bytes, big integers, NaN and undefined members come back as they were': (store) => ({
    set: (key, value, ...rest) =>
      store.set(
        key,
        JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part))),
        ...rest,
      ),
  }),
  'a value that cannot be kept is a ValueError, and its key holds what it held': (store) => ({
    set: (key, value, ...rest) => store.set(key, typeof value === 'function' ? undefined : value, ...rest),
  }),
  'a property named __proto__ is data and changes no prototype': (store) => ({
    get: async (key) => {
      const copy: Record<string, unknown> = {}
      for (const [name, part] of Object.entries(Object(await store.get(key)))) copy[name] = part
      return copy
    },
  }),
  'getRaw answers what the store really holds, and setRaw puts it back': (store) => ({
    getRaw: async (key) => JSON.stringify(await store.getRaw(key)),
  }),
  'size answers about how many bytes a key occupies, and 0 when it is absent': () => ({ size: () => -1 }),
  'ping answers its message when the store is well': () => ({ ping: () => 'PONG' }),
}
