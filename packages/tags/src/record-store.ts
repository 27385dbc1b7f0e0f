import {
  type Awaitable,
  type Backend,
  BackendUnavailableError,
  chain,
  type Engine,
  type TagStore,
  Tenancy,
} from '@cashews/core'

/** The store of a cache's tag records. It is opened on first use, and closed with the cache. */
export function recordStore(backend: Backend, engine: Engine): TagStore {
  const tenancy = new Tenancy({ origin: backend, settle() {}, removed() {}, error: engine.report })
  const opened = <T>(use: () => Awaitable<T>): Awaitable<T> => {
    if (tenancy.isOpen) return use()
    if (engine.isClosed) throw closedError() // What was under way when the cache was closed would leave the store open.
    tenancy.renew()
    return chain(tenancy.ready(), use)
  }
  return {
    getMany: (keys) => opened(() => backend.getMany(keys)),
    set: (...write) => opened(() => backend.set(...write)),
    delete: (key) => opened(() => backend.delete(key)),
    inspect: (key) => opened(() => backend.inspect(key)),
    apply: (expectations, writes) => opened(() => backend.apply(expectations, writes)),
    ping: (message) => opened(() => backend.ping(message)),
    ...(backend.getNow && { getNow: (key) => backend.getNow?.(key) }),
    close: () => tenancy.close(),
  }
}

function closedError(): BackendUnavailableError {
  return new BackendUnavailableError('The store of the tags was closed with its cache.', { isUndone: true })
}
