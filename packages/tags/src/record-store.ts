import type { Awaitable, Backend, BackendHost, TagStore } from '@cashews/core'

/** The store of a cache's tag records: it opens when first asked, and closes with the first of the cache's backends. */
export function recordStore(backend: Backend, host: BackendHost): TagStore {
  let opening: Promise<void> | undefined
  let isOpen = false
  const connect = async (): Promise<void> => {
    try {
      await backend.open(host)
      isOpen = true
    } finally {
      opening = undefined
    }
  }
  const opened = <T>(use: () => Awaitable<T>): Awaitable<T> => {
    if (isOpen) return use()
    opening ??= connect()
    return opening.then(use)
  }
  return {
    getMany: (keys) => opened(() => backend.getMany(keys)),
    set: (...write) => opened(() => backend.set(...write)),
    delete: (key) => opened(() => backend.delete(key)),
    inspect: (key) => opened(() => backend.inspect(key)),
    apply: (expectations, writes) => opened(() => backend.apply(expectations, writes)),
    ping: (message) => opened(() => backend.ping(message)),
    ...(backend.getNow && { getNow: (key) => backend.getNow?.(key) }),
    close() {
      if (!isOpen) return
      isOpen = false
      return backend.close()
    },
  }
}
