import { type HandClock, handClock } from '@cashews/conformance'
import { type Awaitable, type Backend, compileGlob, MISS, type Milliseconds, WrongTypeError } from '@cashews/core'
import { type RichBackend, richReference } from './rich-reference.ts'

/** Breaks one promise of a backend that keeps them all. */
export type Saboteur = (store: RichBackend, clock: HandClock) => Partial<Backend>

const FOREVER = Number.POSITIVE_INFINITY
const HOUR = 3_600_000

/** Lets others come between. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const sleep = (duration: Milliseconds): Promise<void> => new Promise((resolve) => setTimeout(resolve, duration))

async function collect(keys: AsyncIterable<string> | Iterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const key of keys) found.push(key)
  return found
}

/** Does the work on keys that were changed first. */
function renamed(store: RichBackend, rename: (key: string) => string): Partial<Backend> {
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
function scanning(matches: (pattern: string, key: string) => boolean): Saboteur {
  return (store) => ({
    async *scan(pattern) {
      for await (const key of store.scan('*', 100)) if (matches(pattern, key)) yield key
    },
  })
}

/** Takes a glob for a regular expression, more or less. */
const regexp = (pattern: string, key: string, edit: (source: string) => string): boolean => {
  try {
    return new RegExp(`^(?:${edit(pattern)})$`, 's').test(key)
  } catch {
    return false
  }
}

/** Values that are shared instead of copied: what goes in by `enter` comes out by `leave`, the same object. */
function sharing(enter: 'set' | 'setMany' | 'apply' | 'none', leave: 'get' | 'getMany' | 'inspect' | 'getNow'): Saboteur {
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
        for (const write of writes) if (write.op === 'set') keep(write.key, enter === 'apply' ? write.value : structuredClone(write.value))
        return store.apply(expectations, writes)
      },
      get: (key) => (leave === 'get' ? shared.get(key) : structuredClone(shared.get(key))),
      getMany: (keys) => keys.map((key) => (leave === 'getMany' ? shared.get(key) : structuredClone(shared.get(key)))),
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS ? found : { ...found, value: leave === 'inspect' ? shared.get(key) : structuredClone(shared.get(key)) }
      },
      getNow: (key) => (leave === 'getNow' ? shared.get(key) : structuredClone(shared.get(key))),
    }
  }
}

/** Members that do not notice that time passes: they ask a store whose clock stands still. */
function timeless(...members: readonly (keyof Backend)[]): Saboteur {
  return (store) => {
    const still = richReference(handClock())
    const set: Backend['set'] = async (...args) => {
      const real = await store.set(...args)
      const stuck = await still.set(...args)
      return members.includes('set') ? stuck : real
    }
    return { set, ...Object.fromEntries(members.filter((member) => member !== 'set').map((member) => [member, still[member]])) }
  }
}

/** Saboteurs of a key that holds no value, the same for each such kind. */
function otherKind(noun: string, group: 'bits' | 'windows' | 'sets'): Record<string, Saboteur> {
  const hidden = async (store: Backend, key: string) => (await store.exists(key)) && (await store.get(key)) === MISS
  return {
    [`get takes ${noun} for a miss`]: (store) => ({ get: (key) => store.getRaw(key) }),
    [`getMany takes ${noun} for a miss, and leaves the others in their places`]: (store) => ({
      getMany: async (keys) => (await store.getMany(keys)).filter((value) => value !== MISS),
    }),
    [`inspect shows that ${noun} is there, and MISS for its value`]: (store) => ({
      inspect: async (key) => ((await hidden(store, key)) ? MISS : store.inspect(key)),
    }),
    [`scan and count find ${noun}`]: (store) => ({
      async *scan(...args) {
        for await (const key of store.scan(...args)) if (!(await hidden(store, key))) yield key
      },
    }),
    [`exists and timeLeft find ${noun}`]: (store) => ({ exists: async (key) => (await store.get(key)) !== MISS }),
    [`delete removes ${noun}`]: (store) => ({ delete: async (key) => !(await hidden(store, key)) && store.delete(key) }),
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
    [`a value taken for ${noun} is a WrongTypeError, and stays as it is`]: (store) => ({
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
    [`changing ${noun} changes its stamp`]: (store) => ({
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS || found.value !== MISS ? found : { ...found, stamp: 'always the same' }
      },
    }),
  }
}

/** Makes the answer of a check-then-act that lets others come between. */
async function torn<T>(read: () => Awaitable<T>, act: (found: T) => unknown): Promise<unknown> {
  const found = await read()
  await turn()
  return act(found)
}

/** By the title of the check that must catch it. */
export const saboteurs: Readonly<Record<string, Saboteur>> = {
  // values
  'names the kind of store': () => ({ name: '' }),
  'get answers the value last written': (store) => ({
    set: async (key, value, lifetime) => (await store.exists(key)) || store.set(key, value, lifetime),
  }),
  'a miss is MISS, never undefined': (store) => ({
    get: async (key) => ((await store.exists(key)) ? store.get(key) : undefined),
  }),
  'a missing key is an answer, never an error': (store) => ({
    async delete(key) {
      if (!(await store.delete(key))) throw new Error('no such key')
      return true
    },
  }),
  'undefined, null, false, 0 and the empty text are values like any other': (store) => ({
    get: async (key) => (await store.get(key)) || MISS,
  }),
  'text, numbers, lists and nested objects come back as they were': (store) => ({
    get: async (key) => {
      const value = await store.get(key)
      return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
    },
  }),
  'dates, maps, sets, bytes, big integers, NaN and undefined members come back as they were': (store) => ({
    set: (key, value, ...rest) =>
      store.set(key, JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part))), ...rest),
  }),
  'a property named __proto__ is data and changes no prototype': (store) => ({
    get: async (key) => {
      const copy: Record<string, unknown> = {}
      for (const [name, part] of Object.entries(Object(await store.get(key)))) copy[name] = part
      return copy
    },
  }),
  'getRaw answers what the store really holds, and setRaw puts it back': (store) => ({
    getRaw: async (key) => JSON.stringify(await store.getRaw(key)),
  }),
  'size answers about how many bytes a key occupies, and 0 when it is absent': () => ({ size: () => -1 }),
  'ping answers its message when the store is well': () => ({ ping: () => 'PONG' }),
  'getNow answers at once, and nothing that get would not': (store) => {
    const kept = new Map<string, unknown>()
    return {
      set: (key, value, ...rest) => {
        kept.set(key, value)
        return store.set(key, value, ...rest)
      },
      getNow: (key) => (kept.has(key) ? kept.get(key) : MISS),
    }
  },

  // keys
  'a key is any text, the empty one too': (store) => ({
    set: async (key, ...rest) => key !== '' && store.set(key, ...rest),
  }),
  'a key never reaches another key, whatever characters it holds': (store) => renamed(store, (key) => key.toLowerCase()),
  'scan yields keys as they were written': (store) => ({
    async *scan(...args) {
      for await (const key of store.scan(...args)) yield key.trim()
    },
  }),
  'bits, windows, sets and locks take any key too': (store) => ({
    locks: {
      ...store.locks,
      acquire: (key, ...rest) => store.locks.acquire(key.slice(0, 1_000), ...rest),
      release: (key, ...rest) => store.locks.release(key.slice(0, 1_000), ...rest),
    },
  }),

  // lifetime
  'a lifetime runs from the moment of the write': (store, clock) => {
    const start = clock.now()
    clock.elapse(500)
    return {
      set: (key, value, lifetime) => store.set(key, value, Math.max(1, Math.ceil((start + lifetime - clock.now()) / 4_000) * 4_000)),
    }
  },
  'a lifetime is at least a millisecond': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, Math.floor(lifetime / 1_000) * 1_000 || FOREVER, exists),
  }),
  'a lifetime may be longer than any timer: 100 days': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, lifetime === FOREVER ? lifetime : lifetime | 0 || 1, exists),
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
  'expire answers false for an absent key, and makes none': (store) => ({
    expire: async (key, lifetime) => {
      await store.expire(key, lifetime)
      return true
    },
  }),
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

  // conditions
  'set answers true': (store) => ({ set: async (...args) => !(await store.exists(args[0])) && store.set(...args) }),
  'set with exists true writes only over a key that is there': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, lifetime, exists || undefined === exists ? undefined : exists),
  }),
  'set with exists false writes only where there is no key': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, lifetime, exists || undefined),
  }),
  'a write that was refused leaves the lifetime as it is': (store) => ({
    async set(key, value, lifetime, exists) {
      const written = await store.set(key, value, lifetime, exists)
      if (!written) await store.expire(key, lifetime)
      return written
    },
  }),
  'a write under a condition replaces the lifetime': (store) => ({
    set: (key, value, lifetime, exists) => store.set(key, value, exists ? FOREVER : lifetime, exists),
  }),
  'delete removes a key and answers whether it was there': (store) => ({
    async delete(key) {
      await store.delete(key)
      return true
    },
  }),
  'exists answers whether a key is there': () => ({ exists: () => true }),

  // counter
  'incr adds a whole number of either sign and answers the sum': (store) => ({
    incr: (key, by, lifetime) => store.incr(key, Math.max(by, 0), lifetime),
  }),
  'incr counts an absent key as 0': (store) => ({
    incr: async (key, by, lifetime) => store.incr(key, (await store.exists(key)) ? by : 1, lifetime),
  }),
  'incr gives an absent key its lifetime, whatever it adds': (store) => ({
    incr: (key, by, lifetime) => store.incr(key, by, by === 1 ? lifetime : FOREVER),
  }),
  'incr leaves a key that is there the lifetime it has': (store) => ({
    async incr(key, by, lifetime) {
      const sum = await store.incr(key, by, lifetime)
      await store.expire(key, lifetime)
      return sum
    },
  }),
  'get reads a counter as a number': (store) => ({
    get: async (key) => {
      const value = await store.get(key)
      return typeof value === 'number' ? `${value}` : value
    },
  }),
  'incr counts on from a number that was set': (store) => {
    const counters = new Set<string>()
    return {
      async incr(key, ...rest) {
        if (!counters.has(key)) await store.delete(key)
        counters.add(key)
        return store.incr(key, ...rest)
      },
    }
  },
  'set replaces a counter': (store) => ({
    set: async (...args) => !Number.isInteger(await store.get(args[0])) && store.set(...args),
  }),
  'incr counts further than 32 bits': (store) => ({
    incr: (key, by, lifetime) => store.incr(key, by | 0, lifetime),
  }),
  'incr of a value that is no whole number is a WrongTypeError': (store) => ({
    async incr(key, by, lifetime) {
      const value = await store.get(key)
      if (value !== MISS && Number.isNaN(Number(value))) throw new WrongTypeError('text')
      const sum = value === MISS ? by : Math.trunc(Number(value)) + by
      await store.set(key, sum, lifetime)
      return sum
    },
  }),
  'a value that incr refuses stays as it is': (store) => ({
    async incr(key, by, lifetime) {
      try {
        return await store.incr(key, by, lifetime)
      } catch (error) {
        await store.delete(key)
        throw error
      }
    },
  }),

  // batches
  'getMany answers in the order of the keys, MISS where there is none': (store) => ({
    getMany: (keys) => store.getMany([...keys].sort()),
  }),
  'getMany may be asked for a key twice': (store) => ({ getMany: (keys) => store.getMany([...new Set(keys)]) }),
  'no keys are an answer too': (store) => ({
    getMany(keys) {
      if (keys.length === 0) throw new Error("wrong number of arguments for 'mget' command")
      return store.getMany(keys)
    },
  }),
  'setMany writes all': (store) => ({
    async setMany(entries, lifetime) {
      for (const [key, value] of entries) if (value !== undefined) await store.set(key, value, lifetime)
    },
  }),
  'setMany gives each key the lifetime': (store) => ({ setMany: (entries) => store.setMany(entries, FOREVER) }),
  'deleteMany removes the keys, and answers how many were there': (store) => ({
    async deleteMany(keys) {
      await store.deleteMany(keys)
      return keys.length
    },
  }),
  'thousands of keys fit in one batch': (store) => ({
    setMany: (entries, lifetime) => store.setMany(entries.slice(0, 999), lifetime),
  }),

  // pattern
  '* stands for any text, none and line breaks too': scanning((pattern, key) => compileGlob(pattern)(key) && !key.includes('\n')),
  '? stands for one character': scanning((pattern, key) => compileGlob(pattern.replaceAll('?', '*'))(key)),
  '[a-z] stands for one character of a range or a list': scanning((pattern, key) => compileGlob(pattern)(key) || pattern.replace(/\[\w-(\w)\]/, '$1') === key.replace('z', 'b')),
  '[^a-z] stands for one character that is not in a range': scanning((pattern, key) => compileGlob(pattern.replace('[^', '['))(key)),
  '\\ makes the next character stand for itself': scanning((pattern, key) => compileGlob(pattern.replaceAll('\\', ''))(key)),
  'characters that mean something elsewhere stand for themselves': scanning((pattern, key) =>
    regexp(pattern, key, (source) => source.replaceAll('*', '.*').replaceAll('?', '.')),
  ),
  'a pattern matches whole keys, and upper case is another letter': scanning((pattern, key) =>
    compileGlob(pattern.toLowerCase())(key.toLowerCase()),
  ),
  'scan yields each key once, whatever the batch size': (store) => ({
    async *scan(pattern, batchSize) {
      const keys = await collect(store.scan(pattern, batchSize))
      yield* keys
      yield* keys.slice(0, batchSize).slice(0, keys.length > 100 ? 1 : 0)
    },
  }),
  'scan may be left early, and goes on while keys are removed': (store) => ({
    async *scan(pattern, batchSize) {
      for (let offset = 0; ; offset += batchSize) {
        const page = (await collect(store.scan(pattern, batchSize))).slice(offset, offset + batchSize)
        yield* page
        if (page.length < batchSize) return
      }
    },
  }),
  'scan passes over keys that were removed': (store) => {
    const written = new Set<string>()
    return {
      set(key, ...rest) {
        written.add(key)
        return store.set(key, ...rest)
      },
      scan: (pattern) => [...written].filter(compileGlob(pattern)),
    }
  },
  'count answers how many keys scan would yield for *': (store) => ({ count: async () => (await store.count()) + 1 }),
  'deleteMatch removes the keys that scan yields, and answers how many': (store) => ({
    deleteMatch: (pattern) => (pattern.includes('*') ? store.deleteMatch(pattern) : store.deleteMany([pattern])),
  }),
  'deleteMatch removes many keys': (store) => ({
    deleteMatch: async (pattern) => store.deleteMany((await collect(store.scan(pattern, 100))).slice(0, 100)),
  }),
  'clear removes every key': (store) => ({
    async clear() {
      await store.deleteMatch('?')
    },
  }),

  // isolation
  'changing a value after set changes nothing in the store': sharing('set', 'get'),
  'changing a value after get changes nothing in the store': sharing('none', 'get'),
  'changing a value after setMany changes nothing in the store': sharing('setMany', 'get'),
  'changing a value after getMany changes nothing in the store': sharing('none', 'getMany'),
  'changing a value after apply changes nothing in the store': sharing('apply', 'get'),
  'changing a value after inspect changes nothing in the store': (store) => {
    const shared = sharing('none', 'inspect')(store, handClock())
    return { ...shared, get: async (key) => Object(await shared.inspect?.(key)).value }
  },
  'changing a value after getNow changes nothing in the store': (store) => {
    const shared = sharing('none', 'getNow')(store, handClock())
    return { ...shared, get: (key) => structuredClone(shared.getNow?.(key)) }
  },

  // apply
  'inspect answers the value': (store) => ({
    inspect: async (key) => {
      const found = await store.inspect(key)
      return found === MISS ? found : { ...found, value: JSON.stringify(found.value) }
    },
  }),
  'inspect answers the time left, Infinity when there is no expiry': (store) => ({
    inspect: async (key) => {
      const found = await store.inspect(key)
      return found === MISS ? found : { ...found, timeLeft: Math.min(found.timeLeft, 24 * HOUR) }
    },
  }),
  'inspect answers MISS for an absent key': (store) => ({
    inspect: async (key) => {
      const found = await store.inspect(key)
      return found === MISS ? { value: undefined, timeLeft: FOREVER, stamp: 0 } : found
    },
  }),
  'a stamp stays while nobody writes the key': (store) => {
    let reads = 0
    return {
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS ? found : { ...found, stamp: ++reads }
      },
    }
  },
  'a stamp changes whenever its key is written': (store) => {
    const stamps = new Map<string, number>()
    const written = (key: string) => stamps.set(key, (stamps.get(key) ?? 0) + 1)
    return {
      set: (key, ...rest) => {
        written(key)
        return store.set(key, ...rest)
      },
      inspect: async (key) => {
        const found = await store.inspect(key)
        return found === MISS ? found : { ...found, stamp: stamps.get(key) ?? 0 }
      },
    }
  },
  'a stamp changes when the same value is written again, or deleted and written again': (store) => ({
    inspect: async (key) => {
      const found = await store.inspect(key)
      return found === MISS ? found : { ...found, stamp: JSON.stringify(found.value) }
    },
  }),
  'apply makes its writes while the stamp it expects holds': (store) => ({
    apply: async (expectations, writes) =>
      expectations.every(({ stamp }) => stamp === undefined) && store.apply(expectations, writes),
  }),
  'apply makes none of its writes when the stamp it expects has changed': (store) => ({
    async apply(expectations, writes) {
      for (const { key, stamp } of expectations) if ((await store.exists(key)) !== (stamp !== undefined)) return false
      return store.apply([], writes)
    },
  }),
  'apply makes none of its writes when the key of an expected stamp was deleted': (store) => ({
    async apply(expectations, writes) {
      const there = []
      for (const each of expectations) if (each.stamp === undefined || (await store.exists(each.key))) there.push(each)
      return store.apply(there, writes)
    },
  }),
  'apply takes an expectation without a stamp for an absent key': (store) => ({
    apply: (expectations, writes) => store.apply(expectations.filter(({ stamp }) => stamp !== undefined), writes),
  }),
  'apply makes none of its writes when one of several expectations fails': (store) => ({
    apply: (expectations, writes) => store.apply(expectations.slice(0, 1), writes),
  }),
  'apply may expect nothing, and may write nothing': (store) => ({
    apply: async (expectations, writes) => expectations.length > 0 && store.apply(expectations, writes),
  }),
  'apply makes its writes in their order': (store) => ({
    apply: (expectations, writes) => store.apply(expectations, [...writes].reverse()),
  }),
  'apply sets a value with its lifetime': (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations,
        writes.map((write) => (write.op === 'set' ? { ...write, lifetime: 'keep' } : write)),
      ),
  }),
  "apply keeps the lifetime a key has when a write says 'keep'": (store) => ({
    apply: (expectations, writes) =>
      store.apply(
        expectations,
        writes.map((write) => (write.op === 'set' && write.lifetime === 'keep' ? { ...write, lifetime: FOREVER } : write)),
      ),
  }),
  'apply gives a key a new lifetime, and an absent key none': (store) => ({
    apply: (expectations, writes) => store.apply(expectations, writes.filter(({ op }) => op !== 'expire')),
  }),
  'apply deletes a key': (store) => ({
    apply: (expectations, writes) => store.apply(expectations, writes.filter(({ op }) => op !== 'delete')),
  }),

  // atomicity
  'incr is one step: no increment is lost': (store) => ({
    incr: async (key, by, lifetime) =>
      (await torn(
        () => store.get(key),
        async (value) => {
          const sum = (value === MISS ? 0 : Number(value)) + by
          await store.set(key, sum, lifetime)
          return sum
        },
      )) as number,
  }),
  'set where there is no key is one step: one caller writes': (store) => ({
    set: async (key, value, lifetime, exists) =>
      (await torn(
        () => store.exists(key),
        (there) => (exists ?? there) === there && store.set(key, value, lifetime),
      )) as boolean,
  }),
  'delete is one step: one caller is told that the key was there': (store) => ({
    delete: async (key) =>
      (await torn(
        () => store.exists(key),
        async (there) => {
          await store.delete(key)
          return there
        },
      )) as boolean,
  }),
  'set over a key that is there is one step: it brings back nothing deleted': (store) => ({
    set: async (key, value, lifetime, exists) =>
      (await torn(
        () => store.exists(key),
        (there) => (exists ?? there) === there && store.set(key, value, lifetime),
      )) as boolean,
  }),
  'expire is one step: it brings back nothing deleted, and undoes no write': (store) => ({
    expire: async (key, lifetime) =>
      (await torn(
        () => store.get(key),
        (value) => value !== MISS && store.set(key, value, lifetime),
      )) as boolean,
  }),
  'apply is one step: one of many callers who expect the same stamp writes': (store) => ({
    apply: async (expectations, writes) =>
      (await torn(
        () => store.apply(expectations, []),
        (holds) => holds && store.apply([], writes),
      )) as boolean,
  }),
  'apply is one step: no change made of inspect and apply is lost': (store) => ({
    apply: async (expectations, writes) =>
      (await torn(
        () => store.apply(expectations, []),
        (holds) => holds && store.apply([], writes),
      )) as boolean,
  }),
  'apply is one step: nobody sees some of its writes without the others': (store) => ({
    async apply(expectations, writes) {
      if (!(await store.apply(expectations, []))) return false
      for (const write of writes) {
        await turn()
        await store.apply([], [write])
      }
      return true
    },
  }),
  'bits are changed in one step: no increment is lost': (store) => ({
    bits: {
      ...store.bits,
      incr: async (key, indexes, size, by) =>
        (await torn(
          () => store.bits.get(key, indexes, size),
          async (fields) => {
            const now = await store.bits.get(key, indexes, size)
            for (const [at, index] of indexes.entries()) {
              await store.bits.incr(key, [index], size, (fields[at] ?? 0) + by - (now[at] ?? 0))
            }
            return fields.map((field) => field + by)
          },
        )) as number[],
    },
  }),
  'a window is counted in one step: no more than max pass': (store) => {
    const events = new Map<string, number>()
    return {
      windows: {
        incr: async (key, { max }) =>
          (await torn(
            () => events.get(key) ?? 0,
            (count) => {
              if (count < max) events.set(key, count + 1)
              return Math.min(count + 1, max)
            },
          )) as number,
      },
    }
  },
  'a set is changed in one step: no member is lost': (store) => {
    const members = new Map<string, readonly string[]>()
    return {
      sets: {
        ...store.sets,
        add: async (key, added) =>
          (await torn(
            () => members.get(key) ?? [],
            (before) => {
              const after = [...new Set([...before, ...added])]
              members.set(key, after)
              return after.length - before.length
            },
          )) as number,
        pop: (key) => [...(members.get(key) ?? [])],
      },
    }
  },
  'a set is popped in one step: no member is handed out twice': (store) => {
    const members: string[] = []
    return {
      sets: {
        ...store.sets,
        add: (_, added) => members.push(...added),
        pop: async (_, count) =>
          (await torn(
            () => members.slice(0, count),
            (popped) => {
              members.splice(0, count)
              return popped
            },
          )) as string[],
      },
    }
  },
  'a lock is taken in one step: one caller holds it': (store) => ({
    locks: {
      ...store.locks,
      acquire: async (key, token, lifetime) =>
        (await torn(
          () => store.locks.isLocked(key),
          async (held) => {
            if (!held) await store.locks.acquire(key, token, lifetime)
            return !held
          },
        )) as boolean,
    },
  }),

  // bits
  'a field never written is 0': (store) => ({
    bits: { ...store.bits, get: async (...args) => (await store.bits.get(...args)).map((field) => field || -1) },
  }),
  'bits answers fields in the order asked': (store) => ({
    bits: { ...store.bits, get: (key, indexes, size) => store.bits.get(key, [...indexes].sort(), size) },
  }),
  'bits adds to each field, and answers their new values': (store) => ({
    bits: {
      ...store.bits,
      async incr(...args) {
        await store.bits.incr(...args)
        return args[1].map(() => args[3])
      },
    },
  }),
  'bits adds to a field named twice, one after another': (store) => ({
    bits: { ...store.bits, incr: (key, indexes, ...rest) => store.bits.incr(key, [...new Set(indexes)], ...rest) },
  }),
  'a field stops at the most its size can hold': (store) => ({
    bits: {
      ...store.bits,
      async incr(key, indexes, size, by) {
        const fields = await store.bits.get(key, indexes, size)
        const wrapped = fields.map((field) => (field + by + 2 ** size) % 2 ** size)
        for (const [at, index] of indexes.entries()) {
          await store.bits.incr(key, [index], size, Number(wrapped[at]) - Number(fields[at]))
        }
        return wrapped
      },
    },
  }),
  'a field stops at 0': (store) => ({
    bits: {
      ...store.bits,
      incr: async (key, indexes, size, by) =>
        (await store.bits.get(key, indexes, size)).some((field) => field + by < 0)
          ? store.bits.incr(key, indexes, size, 2 ** size)
          : store.bits.incr(key, indexes, size, by),
    },
  }),
  'fields may be of 1, 15, 32 and 48 bits': (store) => ({
    bits: { ...store.bits, incr: (key, indexes, size, by) => store.bits.incr(key, indexes, Math.min(size, 32), by) },
  }),
  'bits may be far apart': (store) => ({
    bits: { ...store.bits, incr: (key, indexes, ...rest) => store.bits.incr(key, indexes.map((index) => index & 0xffff), ...rest) },
  }),
  ...otherKind('bits', 'bits'),

  // windows
  'a window answers how many events it holds now': (store) => ({
    windows: { incr: async (...args) => (await store.windows.incr(...args)) - 1 },
  }),
  'a window forgets events before its start, and keeps one at its start': (store) => ({
    windows: { incr: (key, slice) => store.windows.incr(key, { ...slice, start: slice.start + 1 }) },
  }),
  'a window that forgot events does not remember them': (store) => {
    const events: number[] = []
    return {
      windows: {
        incr(_, { start, end, max }) {
          const left = events.filter((event) => event >= start).length
          return left < max ? (events.push(end), left + 1) : left
        },
      },
    }
  },
  'a window adds nothing when max events are left': (store) => ({
    windows: { incr: async (key, slice) => Math.min(slice.max, await store.windows.incr(key, { ...slice, max: FOREVER })) },
  }),
  'a window counts events at the same instant separately': (store) => {
    const events = new Set<number>()
    return { windows: { incr: (_, { end }) => events.add(end).size } }
  },
  'a window counts instants as large as those of a clock, to the fraction': (store) => ({
    windows: {
      incr: (key, slice) => store.windows.incr(key, { ...slice, start: Math.floor(slice.start), end: Math.floor(slice.end) }),
    },
  }),
  'a window renews its lifetime when it adds an event': (store) => ({
    windows: {
      async incr(key, slice) {
        const timeLeft = await store.timeLeft(key)
        return store.windows.incr(key, { ...slice, lifetime: timeLeft === MISS ? slice.lifetime : timeLeft })
      },
    },
  }),
  'a window leaves its lifetime as it is when it adds nothing': (store) => ({
    windows: {
      async incr(key, slice) {
        const count = await store.windows.incr(key, slice)
        await store.expire(key, slice.lifetime)
        return count
      },
    },
  }),
  'a window ends with its lifetime': (store) => ({
    windows: { incr: (key, slice) => store.windows.incr(key, { ...slice, lifetime: FOREVER }) },
  }),
  ...otherKind('a window', 'windows'),

  // sets
  'add answers how many members were new': (store) => ({
    sets: {
      ...store.sets,
      async add(...args) {
        await store.sets.add(...args)
        return args[1].length
      },
    },
  }),
  'add gives a set the lifetime named, in place of the one it has': (store) => ({
    sets: {
      ...store.sets,
      add: async (key, members, lifetime) =>
        (await store.exists(key)) ? store.sets.add(key, members) : store.sets.add(key, members, lifetime),
    },
  }),
  'add without a lifetime leaves a set its own': (store) => ({
    sets: { ...store.sets, add: (key, members, lifetime = FOREVER) => store.sets.add(key, members, lifetime) },
  }),
  'a set ends with its lifetime': (store) => ({
    sets: { ...store.sets, add: (key, members) => store.sets.add(key, members) },
  }),
  'remove answers how many members were there': (store) => ({
    sets: {
      ...store.sets,
      async remove(...args) {
        await store.sets.remove(...args)
        return args[1].length
      },
    },
  }),
  'remove and pop leave a set the lifetime it has': (store) => ({
    sets: {
      ...store.sets,
      async pop(...args) {
        const popped = await store.sets.pop(...args)
        await store.expire(args[0], FOREVER)
        return popped
      },
    },
  }),
  'pop removes and answers up to count members': (store) => ({
    sets: {
      ...store.sets,
      async pop(...args) {
        const popped = await store.sets.pop(...args)
        await store.sets.add(args[0], popped)
        return popped
      },
    },
  }),
  'pop of no members answers none': (store) => ({
    sets: { ...store.sets, pop: (key, count) => store.sets.pop(key, count || 100) },
  }),
  'a set that becomes empty is an absent key': (store) => {
    const made = new Set<string>()
    return {
      sets: {
        ...store.sets,
        add(key, ...rest) {
          made.add(key)
          return store.sets.add(key, ...rest)
        },
      },
      exists: async (key) => made.has(key) || store.exists(key),
    }
  },
  'a set that was never there is not made by remove or pop': (store) => ({
    sets: {
      ...store.sets,
      async remove(...args) {
        if (await store.exists(args[0])) return store.sets.remove(...args)
        await store.sets.add(args[0], [''])
        return 0
      },
    },
  }),
  ...otherKind('a set', 'sets'),

  // locks
  'acquire takes a free lock': (store) => ({ locks: { ...store.locks, acquire: () => false } }),
  'acquire leaves a lock to the token that holds it': (store) => ({
    locks: {
      ...store.locks,
      async acquire(key, token, lifetime) {
        if (await store.locks.acquire(key, token, lifetime)) return true
        for (const holder of ['me', 'you']) await store.locks.release(key, holder)
        return store.locks.acquire(key, token, lifetime)
      },
    },
  }),
  'acquire renews a lock that the token holds': (store) => ({
    locks: {
      ...store.locks,
      acquire: async (key, ...rest) => !(await store.locks.isLocked(key)) && store.locks.acquire(key, ...rest),
    },
  }),
  'a lock is free again after its lifetime': (store) => ({
    locks: { ...store.locks, acquire: (key, token) => store.locks.acquire(key, token, FOREVER) },
  }),
  'extend gives a lock that the token holds a new lifetime': (store) => ({
    locks: { ...store.locks, extend: (key) => store.locks.isLocked(key) },
  }),
  'extend answers false for a lock that was lost, and does not take it': (store) => ({
    locks: { ...store.locks, extend: (...args) => store.locks.acquire(...args) },
  }),
  'extend answers false to anybody else': (store) => ({
    locks: {
      ...store.locks,
      extend: async (key, _, lifetime) => (await store.locks.isLocked(key)) && store.locks.extend(key, 'me', lifetime),
    },
  }),
  'release frees the lock if the token holds it, and answers whether it did': (store) => ({
    locks: {
      ...store.locks,
      async release(...args) {
        await store.locks.release(...args)
        return true
      },
    },
  }),
  'release by anybody else frees nothing': (store) => ({
    locks: { ...store.locks, release: (key) => store.locks.release(key, 'me') },
  }),
  'a lock that passed on is not freed by the one who lost it': (store) => {
    const had = new Set<string>()
    return {
      locks: {
        ...store.locks,
        acquire(key, token, lifetime) {
          had.add(`${key} ${token}`)
          return store.locks.acquire(key, 'whoever', lifetime)
        },
        release: async (key, token) => had.has(`${key} ${token}`) && store.locks.release(key, 'whoever'),
      },
    }
  },
  'one lock does not touch another': (store) => ({
    locks: {
      ...store.locks,
      acquire: (_, ...rest) => store.locks.acquire('the one lock', ...rest),
      isLocked: () => store.locks.isLocked('the one lock'),
    },
  }),
  'a lock does not touch the value of the same name': (store) => ({
    locks: { ...store.locks, acquire: (key, token, lifetime) => store.set(key, token, lifetime, false), release: (key) => store.delete(key) },
  }),
  'a value does not touch the lock of the same name': (store) => ({
    locks: { ...store.locks, isLocked: async (key) => (await store.exists(key)) || store.locks.isLocked(key) },
  }),
  'scan passes locks over': (store) => ({
    async *scan(...args) {
      yield* store.scan(...args)
      if (await store.locks.isLocked('a')) yield '\u0000lock:a'
    },
  }),
  'count passes locks over': (store) => ({
    count: async () => (await store.count()) + ((await store.locks.isLocked('a')) ? 1 : 0),
  }),
  'clear passes locks over': (store) => ({
    async clear() {
      await store.clear()
      await store.locks.release('a', 'me')
    },
  }),
  'deleteMatch passes locks over': (store) => ({
    async deleteMatch(pattern) {
      await store.locks.release('a', 'me')
      return store.deleteMatch(pattern)
    },
  }),
  'released resolves after the time it was given at most': (store) => ({
    locks: { ...store.locks, released: () => new Promise(() => {}) },
  }),
  'released resolves when the lock is freed': (store) => ({
    locks: { ...store.locks, released: (_, atMost) => sleep(atMost) },
  }),

  // leases
  'a lease comes with a miss, and not with a value': (store) => ({
    leases: { ...store.leases, get: async (key) => ({ lease: 'any', ...(await store.leases.get(key)) }) },
  }),
  'a lease lets its holder store the value, with its lifetime': (store) => ({
    leases: { ...store.leases, set: (key, value, _, lease) => store.leases.set(key, value, FOREVER, lease) },
  }),
  'a lease is void as soon as anybody writes the key': (store) => ({
    leases: { ...store.leases, set: (key, value, lifetime) => store.set(key, value, lifetime) },
  }),
  'a lease is void as soon as anybody deletes the key, absent as it is': (store) => ({
    delete: async (key) => (await store.exists(key)) && store.delete(key),
  }),
  'a lease is void when the key was written and deleted meanwhile': (store) => ({
    leases: { ...store.leases, set: (key, value, lifetime) => store.set(key, value, lifetime, false) },
  }),
  'a lease is void after deleteMany, deleteMatch and clear': (store) => ({
    deleteMatch: async (pattern) => store.deleteMany(await collect(store.scan(pattern, 100))),
  }),

  // removal
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

  // life
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
      const timer = setInterval(() => {}, 1_000)
      setTimeout(clearInterval, 3_000, timer).unref()
      return store.open(host)
    },
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

  // model
  'any sequence of commands is answered as the contract says': (store) => ({
    deleteMany: async (keys) => (keys.length === 3 ? store.deleteMany(keys.slice(1)) : store.deleteMany(keys)),
  }),
}
