import { all, chain } from './awaitable.ts'
import { type Backend, type BackendBase, MISS, type Tags } from './backend.ts'
import { defaultApply } from './defaults/apply.ts'
import { defaultBits } from './defaults/bits.ts'
import { deletionsLast } from './defaults/deletions-last.ts'
import { onlyValue, withContent } from './defaults/kind.ts'
import { defaultLocks, isLockKey } from './defaults/locks.ts'
import { countScanned, deleteScanned, reachesAside } from './defaults/scanned.ts'
import { defaultSets } from './defaults/sets.ts'
import type { TagStore } from './defaults/tag-records.ts'
import { type TaggableBase, TaggedStore } from './defaults/tagged-store.ts'
import { update } from './defaults/update.ts'
import { defaultWindows } from './defaults/windows.ts'
import { guard } from './guard.ts'
import { checkThat, isOptions } from './options.ts'
import { sizeOf } from './size-of.ts'

type Base = BackendBase & Partial<Backend>

/** Adds tags to a store. @param records Where their records are kept. @default beside the values */
export function withTags(store: TaggableBase, records?: TagStore): Backend {
  return completeBackend(new TaggedStore(store, records) as Base)
}

/**
 * Makes a whole {@link Backend} of a store that brings the required members, and of any others only those that it does
 * better. Each default is one step where the contract asks for one, and answers at once when the store does.
 *
 * A group that is absent is built on `inspect` and `apply`; declare one that the store must not have as `false`. Sets,
 * bits and windows are then kept as marked plain values, and locks under keys that begin with `\0lock\0`; as locks stay,
 * `clear` is then made of `scan` and `delete`. Tags are records under `\0tag\0`, and their stamps beside each value; to see
 * whether a key is there then takes a look at its value, so a store that needs no tags says `tags: false`.
 *
 * @example
 * export const shelf = () => completeBackend(new Shelf())
 */
export function completeBackend(store: Base): Backend {
  const isStore = isOptions(store) && typeof store.get === 'function'
  checkThat(isStore, 'completeBackend takes a store with the members of BackendBase', store)
  const base: Base = store.tags === undefined ? (new TaggedStore(store) as Base) : store
  const passesLocks = base !== store
  const own = <K extends keyof Backend>(name: K): Base[K] => {
    const member: unknown = base[name]
    return (typeof member === 'function' ? member.bind(base) : member) as Backend[K]
  }
  const ownLocks = base.locks !== undefined
  const knowsKinds = ownLocks && ![base.bits, base.windows, base.sets].includes(undefined)
  const value: (found: unknown) => unknown = knowsKinds ? (found) => found : onlyValue

  const read = own('get')
  const readRaw = own('getRaw') ?? read
  const remove = own('delete')
  const leases = base.leases
  const getNow = own('getNow')
  const answerNow = own('answerNow')
  const momentNow = own('momentNow')
  const getFor = own('getFor')
  const partOf = own('partOf')
  const now = own('now')
  const readMany = own('getMany')
  const deleteMatch = own('deleteMatch')
  const inspect: Backend['inspect'] = (key) => chain(base.inspect(key), withContent)
  const get: Backend['get'] = knowsKinds ? read : (key) => chain(read(key), value)

  const backend: Backend = {
    name: base.name,
    open: (host) =>
      base.open(
        ownLocks
          ? host
          : {
              removed: (key, reason) => isLockKey(key) || host.removed(key, reason),
              error: (error) => host.error(error),
            },
      ),
    close: own('close'),

    get,
    set: own('set'),
    delete: remove,
    incr: own('incr'),
    scan: ownLocks ? own('scan') : (pattern, batchSize) => withoutLocks(base.scan(pattern, batchSize)),
    clear: ownLocks || passesLocks ? own('clear') : () => chain(backend.deleteMatch('*'), () => {}),
    inspect: knowsKinds ? own('inspect') : inspect,
    apply: knowsKinds ? own('apply') : defaultApply(base),

    getMany: readMany
      ? (keys) => chain(readMany(keys), (found) => found.map(value))
      : (keys) => all(keys.map((key) => get(key))),
    setMany:
      own('setMany') ??
      ((entries, lifetime) => chain(all(entries.map(([key, value]) => base.set(key, value, lifetime))), () => {})),
    deleteMany: own('deleteMany') ?? ((keys) => chain(all(keys.map(remove)), (gone) => gone.filter(Boolean).length)),
    // The leases first: otherwise a load could store after the scan has passed its key.
    deleteMatch: (pattern) =>
      chain(leases?.voidMatch(pattern), () =>
        deleteMatch && (ownLocks || passesLocks || !reachesAside(pattern))
          ? deleteMatch(pattern)
          : deleteScanned(backend, pattern, backend.deleteMany),
      ),
    exists: own('exists') ?? ((key) => chain(base.inspect(key), (found) => found !== MISS)),
    expire:
      own('expire') ??
      ((key, lifetime) =>
        update(base, key, (found) => (found === MISS ? [false] : [true, { op: 'expire', key, lifetime }]))),
    timeLeft:
      own('timeLeft') ?? ((key) => chain(base.inspect(key), (found) => (found === MISS ? found : found.timeLeft))),
    size:
      own('size') ?? ((key) => chain(base.inspect(key), (found) => (found === MISS ? 0 : sizeOf([key, found.value])))),
    count: (ownLocks && own('count')) || (() => countScanned(backend)),
    ping: own('ping') ?? ((message) => chain(base.inspect(''), () => message)),
    getRaw: knowsKinds ? readRaw : (key) => chain(readRaw(key), value),
    setRaw: own('setRaw') ?? ((key, value, lifetime) => base.set(key, value, lifetime)),
    ...(partOf && { partOf }),
    ...(now && { now }),
    ...(getNow && { getNow: (key) => value(getNow(key)) }),
    ...(answerNow && knowsKinds && { answerNow }),
    ...(momentNow && { momentNow }),
    ...(getFor && knowsKinds && { getFor }),

    guard: base.guard ?? guard,
    bits: base.bits ?? defaultBits(base),
    windows: base.windows ?? defaultWindows(base),
    sets: base.sets ?? defaultSets(base),
    locks: base.locks ?? defaultLocks(base),
    tags: base.tags ? tagsOver(base.tags, value) : false,
    ...(leases && {
      leases: {
        get: (key, tags) => chain(leases.get(key, tags), (leased) => ({ ...leased, value: value(leased.value) })),
        take: (key, tags) => leases.take(key, tags),
        set: (...write) => leases.set(...write),
        holds: (key, lease) => leases.holds(key, lease),
        voidMatch: (pattern) => leases.voidMatch(pattern),
      },
    }),
  }
  return leases ? backend : deletionsLast(backend)
}

/** Hides the content of keys of another kind from `stale`. */
function tagsOver(tags: Tags, value: (found: unknown) => unknown): Tags {
  return { ...tags, stale: (key) => chain(tags.stale(key), value) }
}

async function* withoutLocks(keys: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  for await (const key of keys) if (!isLockKey(key)) yield key
}
