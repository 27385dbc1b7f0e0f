import type { Saboteur } from './tools.ts'

export const model: Readonly<Record<string, Saboteur>> = {
  'any sequence of commands is answered as the contract says': (store) => ({
    deleteMany: async (keys) => (keys.length === 3 ? store.deleteMany(keys.slice(1)) : store.deleteMany(keys)),
  }),
}
