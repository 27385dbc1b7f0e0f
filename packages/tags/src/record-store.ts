import type { Awaitable, Backend, BackendHost, TagStore } from '@cashews/core'

/** The store of a cache's tag records. It is opened on first use, and closed with the first of the cache's backends. */
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
  const close = (): Awaitable<void> => {
    if (!isOpen) return
    isOpen = false
    return backend.close()
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
      if (opening === undefined) return close()
      // Closing does not wait for an opening that may never end.
      opening.then(close, () => {}).catch((error) => host.error(error))
    },
  }
}
