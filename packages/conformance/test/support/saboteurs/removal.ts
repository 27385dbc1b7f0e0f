import type { BackendHost } from '@cashews/core'
import { FOREVER, type Saboteur } from './tools.ts'

export const removal: Readonly<Record<string, Saboteur>> = {
  'the host is told of a key that has expired, once': (store) => ({
    open: (host) => store.open({ ...host, removed: (key) => host.removed(key, 'evicted') }),
  }),
  'the host is not told of a key that somebody deleted, replaced or cleared': (store) => {
    let tell: (key: string) => void = () => {}
    return {
      open(host) {
        tell = (key) => host.removed(key, 'evicted')
        return store.open(host)
      },
      delete(key) {
        tell(key)
        return store.delete(key)
      },
    }
  },
  'a backend that is opened anew tells its new host': (store) => {
    let first: BackendHost | undefined
    return {
      open(host) {
        first ??= host
        return store.open(first)
      },
    }
  },
  'the host is not told of locks': (store, clock) => {
    let tell: () => void = () => {}
    let ends = FOREVER
    return {
      open(host) {
        tell = () => host.removed('\u0000lock:a', 'expired')
        return store.open(host)
      },
      locks: {
        ...store.locks,
        acquire(key, token, lifetime) {
          ends = clock.now() + lifetime
          return store.locks.acquire(key, token, lifetime)
        },
        isLocked(key) {
          if (clock.now() >= ends) tell()
          return store.locks.isLocked(key)
        },
      },
    }
  },
  'the host is told of no error while all is well': (store) => {
    let tell: () => void = () => {}
    return {
      open(host) {
        tell = () => host.error(new Error('something'))
        return store.open(host)
      },
      get(key) {
        tell()
        return store.get(key)
      },
    }
  },
}
