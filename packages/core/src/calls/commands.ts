import { type Backend, MISS } from '../backend.ts'
import { type Awaitable, chain } from '../basics/awaitable.ts'
import type { Call, CallOf, Command } from '../command.ts'
import { NotSupportedError } from '../errors.ts'
import { batches } from './batches.ts'

/** How a command is carried out, and what it answers otherwise. */
interface Row<C extends Command> {
  /** Carries it out on its backend. */
  readonly perform: (backend: Backend, call: CallOf<C>) => unknown
  /** The answer when it is switched off or its store is unreachable: as if the cache were empty, and too full to write. */
  readonly neutral: (call: CallOf<C>) => unknown
  /** Whether a value that was loaded before the command is out of date after it. @default false */
  readonly changes?: true
}

const miss = () => MISS
const no = () => false
const zero = () => 0
const empty = () => []
const nothing = () => undefined
async function* nobody(): AsyncGenerator<never> {}

/** Every command. */
const TABLE: { readonly [C in Command]: Row<C> } = {
  get: {
    perform: (backend, { key, stale }) => (stale && backend.tags ? backend.tags.stale(key) : backend.get(key)),
    neutral: ({ neutral = MISS }) => neutral,
  },
  getMany: { perform: (backend, { keys }) => backend.getMany(keys), neutral: ({ keys }) => keys.map(miss) },
  getMatch: { perform: pairs, neutral: nobody },
  getRaw: { perform: (backend, { key }) => backend.getRaw(key), neutral: miss },
  set: {
    perform: (backend, { key, value, lifetime, tags, exists }) =>
      tags
        ? group(backend, 'tags').set(key, value, lifetime, tags, { exists })
        : backend.set(key, value, lifetime, exists),
    neutral: no,
    changes: true,
  },
  setMany: {
    perform: (backend, { entries, lifetime, tags }) =>
      tags ? group(backend, 'tags').setMany(entries, lifetime, tags) : backend.setMany(entries, lifetime),
    neutral: nothing,
    changes: true,
  },
  setRaw: {
    perform: (backend, { key, value, lifetime }) => backend.setRaw(key, value, lifetime),
    neutral: no,
    changes: true,
  },
  delete: { perform: (backend, { key }) => backend.delete(key), neutral: no, changes: true },
  deleteMany: { perform: (backend, { keys }) => backend.deleteMany(keys), neutral: zero, changes: true },
  deleteMatch: { perform: (backend, { pattern }) => backend.deleteMatch(pattern), neutral: zero, changes: true },
  exists: { perform: (backend, { key }) => backend.exists(key), neutral: no },
  scan: { perform: (backend, { pattern, batchSize }) => backend.scan(pattern, batchSize), neutral: nobody },
  incr: {
    perform: (backend, { key, by, lifetime, tags }) =>
      tags ? group(backend, 'tags').incr(key, by, lifetime, tags) : backend.incr(key, by, lifetime),
    neutral: zero,
    changes: true,
  },
  expire: { perform: (backend, { key, lifetime }) => backend.expire(key, lifetime), neutral: no, changes: true },
  getExpire: { perform: (backend, { key }) => backend.timeLeft(key), neutral: miss },
  clear: { perform: (backend) => backend.clear(), neutral: nothing, changes: true },
  ping: { perform: (backend, { message }) => backend.ping(message), neutral: no },
  getSize: { perform: (backend, { key }) => backend.size(key), neutral: zero },
  getKeysCount: { perform: (backend) => backend.count(), neutral: zero },
  setLock: {
    perform: (backend, { key, token, lifetime, extend, claim }) => {
      const held = group(backend, 'locks')[extend ? 'extend' : 'acquire'](key, token, lifetime)
      return claim ? claim.taken(held, lifetime) : held
    },
    neutral: isClaimed,
  },
  unlock: {
    perform: (backend, { key, token, claim }) => {
      const freed = group(backend, 'locks').release(key, token)
      return claim ? claim.freed(freed) : freed
    },
    neutral: isClaimed,
  },
  isLocked: { perform: (backend, { key }) => group(backend, 'locks').isLocked(key), neutral: no },
  getBits: {
    perform: (backend, { key, indexes, size }) => group(backend, 'bits').get(key, indexes, size),
    neutral: empty,
  },
  incrBits: {
    perform: (backend, { key, indexes, size, by }) => group(backend, 'bits').incr(key, indexes, size, by),
    neutral: empty,
  },
  sliceIncr: {
    perform: (backend, call) => group(backend, 'windows').incr(call.key, call),
    neutral: () => ({ count: 0, added: true, age: 0 }),
  },
  setAdd: {
    perform: (backend, { key, members, lifetime }) => group(backend, 'sets').add(key, members, lifetime),
    neutral: zero,
  },
  setRemove: { perform: (backend, { key, members }) => group(backend, 'sets').remove(key, members), neutral: zero },
  setPop: { perform: (backend, { key, count }) => group(backend, 'sets').pop(key, count), neutral: empty },
  deleteTags: {
    perform: ({ tags: group }, { tags }) => !group || chain(group.delete(tags), () => true),
    neutral: no,
    changes: true,
  },
  expireTags: {
    perform: ({ tags: group }, { tags }) => !group || chain(group.expire(tags), () => true),
    neutral: no,
    changes: true,
  },
  getTags: {
    perform: (backend, { key }) =>
      backend.tags ? backend.tags.of(key) : chain(backend.exists(key), (there) => (there ? [] : MISS)),
    neutral: miss,
  },
}

/** Every command, by name. */
export const COMMANDS: readonly Command[] = /* @__PURE__ */ Object.keys(TABLE) as Command[]

/** Carries out a call on its backend. The answer of a stream is an iterable. */
export function perform(call: Call): Awaitable<unknown> {
  return TABLE[call.command].perform(call.backend, call as never)
}

/** The answer of a command that is switched off, or whose store is unreachable. */
export function neutralAnswer(call: Call): unknown {
  return TABLE[call.command].neutral(call as never)
}

/** Whether a value that was loaded before the command is out of date after it. */
export function changesValues(command: Command): boolean {
  return TABLE[command].changes === true
}

/** A lock of {@link Cache.lock} is granted, and freed, even without its store: a cache must never stop a service. */
function isClaimed({ claim }: CallOf<'setLock' | 'unlock'>): boolean {
  return claim !== undefined
}

async function* pairs(
  backend: Backend,
  { pattern, batchSize }: CallOf<'getMatch'>,
): AsyncGenerator<readonly [string, unknown]> {
  for await (const batch of batches(backend.scan(pattern, batchSize), batchSize)) {
    const values = await backend.getMany(batch)
    for (const [at, key] of batch.entries()) if (values[at] !== MISS) yield [key, values[at]]
  }
}

type Group = 'bits' | 'windows' | 'sets' | 'locks' | 'tags'

function group<G extends Group>(backend: Backend, name: G): Exclude<Backend[G], false | undefined> {
  const found = backend[name]
  if (!found)
    throw new NotSupportedError(`The backend "${backend.name}" has no ${name}. Set up another for this key's prefix.`)
  return found as Exclude<Backend[G], false | undefined>
}
