import { type HandClock, handClock } from '@cashews/conformance'
import { type Awaitable, type Backend, MISS, type Milliseconds } from '@cashews/core'
import { type RichBackend, richReference } from '../rich-reference.ts'

/** Breaks one promise of a backend that keeps them all. */
export type Saboteur = (store: RichBackend, clock: HandClock) => Partial<Backend>

export const FOREVER: Milliseconds = Number.POSITIVE_INFINITY
export const HOUR: Milliseconds = 3_600_000

/** Lets others come between. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const sleep = (duration: Milliseconds): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, duration).unref())

export async function collect(keys: AsyncIterable<string> | Iterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const key of keys) found.push(key)
  return found
}

/** Does the work on keys that were changed first. */
export function renamed(store: RichBackend, rename: (key: string) => string): Partial<Backend> {
  return {
    get: (key) => store.get(rename(key)),
    set: (key, ...rest) => store.set(rename(key), ...rest),
    delete: (key) => store.delete(rename(key)),
    exists: (key) => store.exists(rename(key)),
    incr: (key, ...rest) => store.incr(rename(key), ...rest),
    expire: (key, lifetime) => store.expire(rename(key), lifetime),
    getMany: (keys) => store.getMany(keys.map(rename)),
    setMany: (entries, lifetime) =>
      store.setMany(
        entries.map(([key, value]) => [rename(key), value]),
        lifetime,
      ),
  }
}

/** Finds keys by another language than that of globs. */
export function scanning(matches: (pattern: string, key: string) => boolean): Saboteur {
  return (store) => ({
    async *scan(pattern) {
      for await (const key of store.scan('*', 100)) if (matches(pattern, key)) yield key
    },
  })
}

/** Takes a glob for a regular expression, more or less. */
export const regexp = (pattern: string, key: string, edit: (source: string) => string): boolean => {
  try {
    return new RegExp(`^(?:${edit(pattern)})$`, 's').test(key)
  } catch {
    return false
  }
}

/** Values that are shared instead of copied: what goes in by `enter` comes out by `leave`, the same object. */
export function sharing(
  enter: 'set' | 'setMany' | 'apply' | 'none',
  leave: 'get' | 'getMany' | 'inspect' | 'getNow',
): Saboteur {
  return (store) => {
    const shared = new Map<string, unknown>()
    const keep = (key: string, value: unknown) => shared.set(key, value)
    return {
      set(key, value, ...rest) {
        keep(key, enter === 'set' ? value : structuredClone(value))
        return store.set(key, value, ...rest)
      },
      setMany(entries, lifetime) {
        for (const [key, value] of entries) keep(key, enter === 'setMany' ? value : structuredClone(value))
        return store.setMany(entries, lifetime)
      },
      apply(expectations, writes) {
        for (const write of writes)
          if (write.op === 'set') keep(write.key, enter === 'apply' ? write.value : structuredClone(write.value))
        return store.apply(expectations, writes)
      },
      get: (key) => (leave === 'get' ? shared.get(key) : structuredClone(shared.get(key))),
      getMany: (keys) => keys.map((key) => (leave === 'getMany' ? shared.get(key) : structuredClone(shared.get(key)))),
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS
          ? found
          : { ...found, value: leave === 'inspect' ? shared.get(key) : structuredClone(shared.get(key)) }
      },
      getNow: (key) => (leave === 'getNow' ? shared.get(key) : structuredClone(shared.get(key))),
    }
  }
}

/** Members that do not notice that time passes: they ask a store whose clock stands still. */
export function timeless(...members: readonly (keyof Backend)[]): Saboteur {
  return (store) => {
    const still = richReference(handClock())
    const set: Backend['set'] = async (...args) => {
      const real = await store.set(...args)
      const stuck = await still.set(...args)
      return members.includes('set') ? stuck : real
    }
    return {
      set,
      ...Object.fromEntries(members.filter((member) => member !== 'set').map((member) => [member, still[member]])),
    }
  }
}

/** Answers what a key of another kind holds. */
function contentInstead(store: Backend): Backend['get'] {
  return async (key) => {
    const found = await store.inspect(key)
    return found === MISS ? MISS : (found.content ?? found.value)
  }
}

/** Saboteurs of a key that holds no value, the same for each such kind. */
export function otherKind(noun: string, group: 'bits' | 'windows' | 'sets'): Record<string, Saboteur> {
  const hidden = async (store: Backend, key: string) => (await store.exists(key)) && (await store.get(key)) === MISS
  return {
    [`get answers MISS for ${noun}`]: (store) => ({ get: contentInstead(store) }),
    [`getRaw answers MISS for ${noun}`]: (store) => ({ getRaw: contentInstead(store) }),
    [`getMany answers MISS for ${noun}, and leaves the others in their places`]: (store) => ({
      getMany: async (keys) => (await store.getMany(keys)).filter((value) => value !== MISS),
    }),
    [`inspect answers a snapshot for ${noun}, with MISS for its value`]: (store) => ({
      inspect: async (key) => ((await hidden(store, key)) ? MISS : store.inspect(key)),
    }),
    [`scan and count find ${noun}`]: (store) => ({
      async *scan(...args) {
        for await (const key of store.scan(...args)) if (!(await hidden(store, key))) yield key
      },
    }),
    [`exists and timeLeft find ${noun}`]: (store) => ({ exists: async (key) => (await store.get(key)) !== MISS }),
    [`delete removes ${noun}`]: (store) => ({
      delete: async (key) => !(await hidden(store, key)) && store.delete(key),
    }),
    [`clear removes ${noun}`]: (store) => ({
      async clear() {
        for (const key of await collect(store.scan('*', 9))) if (!(await hidden(store, key))) await store.delete(key)
      },
    }),
    [`set replaces ${noun}`]: (store) => ({
      set: async (key, ...rest) => !(await hidden(store, key)) && store.set(key, ...rest),
    }),
    [`incr of ${noun} is a WrongTypeError`]: (store) => ({
      incr: async (key, ...rest) => ((await hidden(store, key)) ? rest[0] : store.incr(key, ...rest)),
    }),
    [`a command for ${noun} on a value is a WrongTypeError, and the value stays as it is`]: (store) => ({
      [group]: Object.fromEntries(
        Object.entries(store[group]).map(([name, command]) => [
          name,
          async (key: string, ...rest: unknown[]) => {
            if ((await store.get(key)) !== MISS) await store.delete(key)
            return (command as (...args: unknown[]) => unknown)(key, ...rest)
          },
        ]),
      ),
    }),
    [`inspect shows what ${noun} holds`]: (store) => ({
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS ? found : { value: found.value, timeLeft: found.timeLeft, stamp: found.stamp }
      },
    }),
    [`apply puts ${noun} in the place of what a key holds, with its lifetime`]: (store) => ({
      apply: (expectations, writes) =>
        store.apply(
          expectations,
          writes.map((write) => (write.op === 'put' ? { ...write, lifetime: FOREVER } : write)),
        ),
    }),
    [`changing ${noun} changes its stamp`]: (store) => ({
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS || found.value !== MISS ? found : { ...found, stamp: 'always the same' }
      },
    }),
  }
}

/** Makes the answer of a check-then-act that lets others come between. */
export async function torn<T>(read: () => Awaitable<T>, act: (found: T) => unknown): Promise<unknown> {
  const found = await read()
  await turn()
  return act(found)
}
