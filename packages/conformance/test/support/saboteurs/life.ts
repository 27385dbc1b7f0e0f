import { type Saboteur, turn } from './tools.ts'

export const life: Readonly<Record<string, Saboteur>> = {
  'close may be called twice, and before open': (store) => {
    let open = false
    return {
      open(host) {
        open = true
        return store.open(host)
      },
      async close() {
        if (!open) throw new Error('not open')
        open = false
        await store.close()
      },
    }
  },
  'open connects again after close': (store) => {
    let closed = false
    return {
      async close() {
        closed = true
        await store.close()
      },
      set: async (...args) => {
        if (closed) throw new Error('closed')
        return store.set(...args)
      },
    }
  },
  'close lets go of every timer, handle and connection': (store) => ({
    open(host) {
      setInterval(() => {}, 60_000).unref()
      return store.open(host)
    },
  }),
  'a store that cannot be reached rejects with BackendUnavailableError': () => ({
    delete: () => Promise.reject(new TypeError('fetch failed')),
  }),
  'members may be called while others are under way': (store) => {
    let busy = false
    return {
      async set(...args) {
        if (busy) throw new Error('one at a time')
        busy = true
        await turn()
        busy = false
        return store.set(...args)
      },
    }
  },
}
