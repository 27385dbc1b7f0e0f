import { MISS, WrongTypeError } from '@cashews/core'
import type { RichBackend } from '../rich-reference.ts'
import { instead } from './instead.ts'
import type { Saboteur } from './tools.ts'

/** Keeps what it saw of a key for ever, so that it does not notice what happens to its tags. */
const remembering =
  (member: 'get' | 'inspect' | 'exists'): Saboteur =>
  (store) => {
    const seen = new Map<string, unknown>()
    return {
      [member]: async (key: string) => {
        const found = (await store[member](key)) as unknown
        const known = found === MISS || found === false ? seen.get(key) : found
        if (known !== undefined) seen.set(key, known)
        return known ?? found
      },
      tags: {
        ...store.tags,
        async set(key, ...rest) {
          const done = await store.tags.set(key, ...rest)
          seen.set(key, (await store[member](key)) as unknown)
          return done
        },
      },
    }
  }

/** Lets a value be in the way of a command for another kind, although its tags are gone. */
const inTheWay =
  <G extends 'bits' | 'windows' | 'sets'>(group: G, command: keyof RichBackend[G]): Saboteur =>
  (store) => {
    const written = new Set<string>()
    const whole = store[group][command] as (key: string, ...rest: unknown[]) => unknown
    return {
      [group]: {
        ...store[group],
        async [command](key: string, ...rest: unknown[]) {
          if (written.has(key)) throw new WrongTypeError(`Key "${key}" holds a value.`)
          return whole(key, ...rest)
        },
      },
      tags: {
        ...store.tags,
        set(key, ...rest) {
          written.add(key)
          return store.tags.set(key, ...rest)
        },
      },
    }
  }

export const tagDeletion: Readonly<Record<string, Saboteur>> = {
  'a key whose tag was deleted is absent for every member': remembering('exists'),
  'a key whose tag was deleted or expired is absent for bits': inTheWay('bits', 'get'),
  'a key whose tag was deleted or expired is absent for windows': inTheWay('windows', 'incr'),
  'a key whose tag was deleted or expired is absent for sets': inTheWay('sets', 'remove'),
  'a key under another tag, and one under none, stay when a tag is deleted': instead((_, store) => ({
    delete: async () => store.clear(),
  })),
  'one deleted tag of several makes a key absent': instead(({ set }) => ({
    set: (key, value, lifetime, names, how) => set(key, value, lifetime, names.slice(0, 2), how),
  })),
  'what is written under a deleted tag later is there': (store) => {
    const deleted = new Set<string>()
    return {
      tags: {
        ...store.tags,
        async delete(names) {
          for (const name of names) deleted.add(name)
          await store.tags.delete(names)
        },
        set: (key, value, lifetime, names, how) =>
          store.tags.set(key, value, names.some((name) => deleted.has(name)) ? 1 : lifetime, names, how),
      },
      get: async (key) => (deleted.size > 0 ? MISS : store.get(key)),
      getMany: async (keys) => (deleted.size > 0 ? keys.map(() => MISS) : store.getMany(keys)),
    }
  },
  'a key whose tag expired is absent, and stale still answers its value': instead((tags) => ({
    expire: (names) => tags.delete(names),
  })),
  'a stale value is gone once its tag or its key is deleted': instead(({ set }) => {
    const kept = new Map<string, unknown>()
    return {
      set(key, value, ...rest) {
        kept.set(key, value)
        return set(key, value, ...rest)
      },
      stale: async (key) => (kept.has(key) ? kept.get(key) : MISS),
    }
  }),
  'clear removes what is under tags, and a tag can be used again afterwards': (store) => {
    let cleared = false
    return {
      async clear() {
        await store.clear()
        cleared = true
      },
      tags: { ...store.tags, delete: async (names) => (cleared ? undefined : store.tags.delete(names)) },
    }
  },
}
