import { renamed, type Saboteur } from './tools.ts'

export const keys: Readonly<Record<string, Saboteur>> = {
  'a key is any text, the empty one too': (store) => ({
    set: async (key, ...rest) => key !== '' && store.set(key, ...rest),
  }),
  'a key never reaches another key, whatever characters it holds': (store) =>
    renamed(store, (key) => key.toLowerCase()),
  'a key of 65,536 characters is a key like any other': (store) => renamed(store, (key) => key.slice(0, 65_535)),
  'scan yields keys as they were written': (store) => ({
    async *scan(...args) {
      for await (const key of store.scan(...args)) yield key.trim()
    },
  }),
  'bits, windows, sets and locks take any key too': (store) => ({
    locks: {
      ...store.locks,
      acquire: (key, ...rest) => store.locks.acquire(key.slice(0, 500), ...rest),
      release: (key, ...rest) => store.locks.release(key.slice(0, 500), ...rest),
    },
  }),
}
