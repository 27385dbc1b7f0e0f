import type { Backend, BackendBase, BackendHost, Leases } from './backend.ts'
import { chain } from './basics/awaitable.ts'
import { checkThat, isOptions } from './basics/options.ts'
import { defaultApply } from './defaults/apply.ts'
import { defaultBits } from './defaults/bits.ts'
import { deletionsLast } from './defaults/deletions-last.ts'
import { defaultLocks, isLockKey } from './defaults/locks.ts'
import { defaultMembers } from './defaults/members.ts'
import { onlyValues } from './defaults/only-values.ts'
import { countScanned, deleteScanned, reachesAside, voidAndDelete } from './defaults/scanned.ts'
import { defaultSets } from './defaults/sets.ts'
import type { TagStore } from './defaults/tags/tag-records.ts'
import { type TaggableBase, TaggedStore } from './defaults/tags/tagged-store.ts'
import { defaultWindows } from './defaults/windows.ts'
import { guard } from './outages/guard.ts'

type Base = BackendBase & Partial<Backend>

/** Adds tags to a store. @param records Where their records are kept. @default beside the values */
export function withTags(store: TaggableBase, records?: TagStore): Backend {
  return completeBackend(new TaggedStore(store, records) as Base)
}

/**
 * Makes a whole {@link Backend} of a store that has the required members, and any others that it does better than the
 * defaults. Each default is one step where the contract asks for one, and answers at once when the store does.
 *
 * A group that is absent is built on `inspect` and `apply`; declare one that the store must not have as `false`. Sets,
 * bits and windows are then kept as marked plain values, and locks under keys that begin with `\0lock\0`; because `clear`
 * spares locks, it then scans and deletes. Tags are records under `\0tag\0`, with a stamp beside each value: to tell
 * whether a key is there, its value has to be read, so a store that needs no tags should say `tags: false`.
 *
 * @throws {ConfigurationError} When this is not a store.
 *
 * @example
 * export const shelf = () => completeBackend(new Shelf())
 */
export function completeBackend(store: Base): Backend {
  const isStore = isOptions(store) && typeof store.get === 'function'
  checkThat(isStore, 'completeBackend takes a store with the members of BackendBase', store)
  const base: Base = store.tags === undefined ? (new TaggedStore(store) as Base) : store
  const own = ownMembersOf(base)
  const defaults = defaultMembers(base)
  const hasLocks = base.locks !== undefined
  /** Whether `clear` and `deleteMatch` pass over the keys of default locks, as those of a {@link TaggedStore} do. */
  const sparesLocks = hasLocks || base !== store
  const deleteMatch = own('deleteMatch')
  const leases = base.leases && boundLeases(base.leases)

  const backend: Backend = {
    name: base.name,
    open: hasLocks ? own('open') : (host) => base.open(withoutLocks(host)),
    close: own('close'),

    get: own('get'),
    set: own('set'),
    delete: own('delete'),
    incr: own('incr'),
    scan: hasLocks ? own('scan') : (pattern, batchSize) => exceptLocks(base.scan(pattern, batchSize)),
    clear: sparesLocks ? own('clear') : () => chain(backend.deleteMatch('*'), () => {}),
    inspect: own('inspect'),
    apply: own('apply'),

    getMany: own('getMany') ?? defaults.getMany,
    setMany: own('setMany') ?? defaults.setMany,
    deleteMany: own('deleteMany') ?? defaults.deleteMany,
    // The leases first: otherwise a load could store after the scan has passed its key.
    deleteMatch: (pattern) =>
      voidAndDelete(leases, pattern, () =>
        deleteMatch && (sparesLocks || !reachesAside(pattern))
          ? deleteMatch(pattern)
          : deleteScanned(backend, pattern, backend.deleteMany),
      ),
    exists: own('exists') ?? defaults.exists,
    expire: own('expire') ?? defaults.expire,
    timeLeft: own('timeLeft') ?? defaults.timeLeft,
    size: own('size') ?? defaults.size,
    count: (hasLocks && own('count')) || (() => countScanned(backend)),
    ping: own('ping') ?? defaults.ping,
    getRaw: own('getRaw') ?? defaults.getRaw,
    setRaw: own('setRaw') ?? defaults.setRaw,
    ...shortcutsOf(base),
    ...(hasLocks && base.visit && { visit: own('visit') }), // it would show the keys of default locks

    guard: base.guard ?? guard,
    bits: base.bits ?? defaultBits(base),
    windows: base.windows ?? defaultWindows(base),
    sets: base.sets ?? defaultSets(base),
    locks: base.locks ?? defaultLocks(base),
    tags: base.tags ?? false,
    ...(leases && { leases }),
  }
  const hasKinds = hasLocks && ![base.bits, base.windows, base.sets].includes(undefined)
  const seen = hasKinds ? backend : { ...onlyValues(backend), apply: defaultApply(base) }
  return leases ? seen : deletionsLast(seen)
}

/** Returns a function that finds a member of the store by name, bound to the store. */
function ownMembersOf(base: Base): <K extends keyof Backend>(name: K) => Base[K] {
  return (name) => {
    const member: unknown = base[name]
    return (typeof member === 'function' ? member.bind(base) : member) as never
  }
}

const SHORTCUTS = ['partOf', 'now', 'getNow', 'answerNow', 'momentNow', 'getFor', 'usage'] as const

/** The optional members that have no default. */
function shortcutsOf(base: Base): Partial<Pick<Backend, (typeof SHORTCUTS)[number]>> {
  const own = ownMembersOf(base)
  return Object.fromEntries(SHORTCUTS.filter((name) => base[name]).map((name) => [name, own(name)]))
}

function boundLeases(leases: Leases): Leases {
  return {
    get: (key, tags) => leases.get(key, tags),
    take: (key, tags) => leases.take(key, tags),
    set: (...write) => leases.set(...write),
    holds: (key, lease) => leases.holds(key, lease),
    voidMatch: (pattern) => leases.voidMatch(pattern),
  }
}

/** Keeps from the host what happens to the keys of default locks. */
function withoutLocks(host: BackendHost): BackendHost {
  return {
    removed: (key, reason) => isLockKey(key) || host.removed(key, reason),
    error: (error) => host.error(error),
  }
}

async function* exceptLocks(keys: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  for await (const key of keys) if (!isLockKey(key)) yield key
}
