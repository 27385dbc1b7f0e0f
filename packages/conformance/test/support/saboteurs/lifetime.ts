import { MISS } from '@cashews/core'
import { FOREVER, HOUR, type Saboteur, timeless } from './tools.ts'

export const lifetime: Readonly<Record<string, Saboteur>> = {
  'a lifetime runs from the moment of the write': (store, clock) => {
    const start = clock.now()
    clock.elapse(500)
    return {
      set: (key, value, lifetime) =>
        store.set(key, value, Math.max(1, Math.ceil((start + lifetime - clock.now()) / 4_000) * 4_000)),
    }
  },
  'a lifetime is kept to the millisecond': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, Math.ceil(lifetime / 1_000) * 1_000, exists),
  }),
  'a lifetime is at least a millisecond': (store) => ({
    set: (key, value, lifetime, exists) =>
      store.set(key, value, Math.floor(lifetime / 1_000) * 1_000 || FOREVER, exists),
  }),
  'a lifetime may be longer than any timer: 100 days': (store) => ({
    set: (key, value, lifetime, exists) =>
      store.set(key, value, lifetime === FOREVER ? lifetime : lifetime | 0 || 1, exists),
  }),
  'an infinite lifetime never ends': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, Math.min(lifetime, 365 * 24 * HOUR), exists),
  }),
  'set replaces the lifetime by a longer one': (store) => ({
    set: async (key, value, lifetime) => {
      const timeLeft = await store.timeLeft(key)
      return store.set(key, value, timeLeft === MISS ? lifetime : Math.min(timeLeft, lifetime))
    },
  }),
  'set replaces the lifetime by a shorter one': (store) => ({
    set: async (key, value, lifetime) => {
      const timeLeft = await store.timeLeft(key)
      return store.set(key, value, timeLeft === MISS ? lifetime : Math.max(timeLeft, lifetime))
    },
  }),
  'set replaces the lifetime by none': (store) => ({
    set: async (key, value, lifetime) => {
      const timeLeft = await store.timeLeft(key)
      return store.set(key, value, timeLeft === MISS || lifetime !== FOREVER ? lifetime : timeLeft)
    },
  }),
  'timeLeft answers the time left': (store) => ({
    timeLeft: async (key) => {
      const timeLeft = await store.timeLeft(key)
      return timeLeft === MISS ? timeLeft : timeLeft / 1_000
    },
  }),
  'timeLeft answers Infinity when there is no expiry, and MISS when there is no key': (store) => ({
    timeLeft: async (key) => {
      const timeLeft = await store.timeLeft(key)
      return timeLeft === FOREVER ? -1 : timeLeft
    },
  }),
  'expire replaces the lifetime by a longer one': (store) => ({
    expire: async (key, lifetime) => {
      const timeLeft = await store.timeLeft(key)
      return store.expire(key, timeLeft === MISS ? lifetime : Math.min(timeLeft, lifetime))
    },
  }),
  'expire replaces the lifetime by a shorter one, and by none': (store) => ({
    expire: async (key, lifetime) => {
      const timeLeft = await store.timeLeft(key)
      return store.expire(key, timeLeft === MISS ? lifetime : Math.max(timeLeft, lifetime))
    },
  }),
  'expire answers false for an absent key, and does not create it': (store) => ({
    expire: async (key, lifetime) => {
      await store.expire(key, lifetime)
      return true
    },
  }),
  'now tells milliseconds since the epoch': (_, clock) => ({ now: () => clock.now() / 1_000 }),
  'an expired key is absent for get': timeless('get'),
  'an expired key is absent for getMany': timeless('getMany'),
  'an expired key is absent for getRaw': timeless('getRaw'),
  'an expired key is absent for exists': timeless('exists'),
  'an expired key is absent for timeLeft': timeless('timeLeft'),
  'an expired key is absent for inspect': timeless('inspect'),
  'an expired key is absent for size': timeless('size'),
  'an expired key is absent for scan': timeless('scan'),
  'an expired key is absent for count': timeless('count'),
  'an expired key is absent for delete': timeless('delete'),
  'an expired key is absent for deleteMany': timeless('deleteMany'),
  'an expired key is absent for deleteMatch': timeless('deleteMatch'),
  'an expired key is absent for expire': timeless('expire'),
  'an expired key is absent for incr': timeless('incr'),
  'an expired key is absent for set over a key that is there': timeless('set'),
  'an expired key is absent for set where there is no key': timeless('set'),
  'an expired key is absent for apply': timeless('apply'),
  'an expired key is absent for an expectation of its stamp': timeless('inspect', 'apply'),
  'an expired key is absent for sets': timeless('sets'),
}
