import type { Awaitable } from './basics/awaitable.ts'
import type { Guard, Guarded, GuardOptions } from './outages/guard.ts'

/** A duration in milliseconds: a whole number of at least 1, or `Infinity`, which means forever. */
export type Milliseconds = number

/** The answer for an absent key. It is never a value itself: a stored `undefined` is a hit. */
export const MISS: unique symbol = Symbol.for('cashews.miss') as never
/** The type of {@link MISS}. */
export type Miss = typeof MISS

/**
 * Identifies what a key holds: it changes whenever that does, and is never used again for something else the key has
 * held. Writing the same value again may leave it unchanged. Only the backend that made it can interpret it.
 */
export type Stamp = string | number

/** Why a store dropped a key that nobody deleted. */
export type RemovalReason = 'evicted' | 'expired'

/** What a key holds that is not a value but a set, bits or a window, as data. */
export type Content =
  /** The members, each once, in any order. */
  | { readonly kind: 'set'; readonly items: readonly string[] }
  /** The bytes, beginning with field 0; in each byte, the highest bit comes first. */
  | { readonly kind: 'bits'; readonly items: readonly number[] }
  /** When each event happened: in the caller's unit, or in milliseconds by the store's clock. */
  | { readonly kind: 'window'; readonly items: readonly number[] }

/** What a key holds, for how long, and a stamp by which a change can be noticed. */
export interface Snapshot {
  /** The value; {@link MISS} for a key that holds a set, bits or a window. */
  readonly value: unknown
  /** How long the key will live; `Infinity`: it does not expire. */
  readonly timeLeft: Milliseconds
  /** For an {@link Expectation} of {@link BackendBase.apply}. */
  readonly stamp: Stamp
  /** The set, bits or window that the key holds. Absent for a value. */
  readonly content?: Content
}

/** A key, and a note by the store of where it found the entry, which makes the next look-up of the key faster. */
export interface Spot {
  /** The store may replace this by its own copy of the same text, so that comparing the two is fast. */
  key: string
  /** The store that made the note; other stores ignore it. */
  store: object | undefined
  /** Where in that store the entry is. */
  at: number
  /** Whatever a strategy wants to remember about the key. */
  note?: unknown
}

/** A period of at most a second in which a store writes, removes and evicts nothing. */
export interface Moment {
  /** Whether it has ended: the store may have changed since. */
  readonly isOver: boolean
  /** Ends it early. */
  end(): void
}

/** What must still be true of a key for {@link BackendBase.apply} to write anything. */
export interface Expectation {
  /** The key to check. */
  readonly key: string
  /** The {@link Snapshot.stamp} that the key must still have. Absent: the key must be absent. */
  readonly stamp?: Stamp | undefined
}

/**
 * One change of {@link BackendBase.apply}. The lifetime `'keep'` leaves the expiry of the key as it is; a key that was
 * absent then never expires. An `expire` or `delete` of an absent key does nothing, and is not a failure.
 */
export type Write =
  /** Replaces the value. */
  | {
      readonly op: 'set'
      readonly key: string
      readonly value: unknown
      readonly lifetime: Milliseconds | 'keep'
      /** The tags of the key, as in {@link Tags.set}; only for a store that has tags. @default none */
      readonly tags?: readonly string[] | undefined
    }
  /** Replaces the lifetime. */
  | { readonly op: 'expire'; readonly key: string; readonly lifetime: Milliseconds }
  | { readonly op: 'delete'; readonly key: string }

/** What must still be true of a lock for {@link Backend.apply} to write anything. */
export interface LockExpectation {
  /** The name of the lock. */
  readonly lock: string
  /** The token that must hold the lock. Absent: the lock must be free. */
  readonly token?: string | undefined
}

/**
 * One change of {@link Backend.apply} that does not write a value. `put` replaces whatever the key holds by a set, bits or
 * a window. `lock` gives the lock to `token`, whoever holds it; `unlock` frees it, whoever holds it, and wakes its waiters.
 */
export type KindWrite =
  | { readonly op: 'put'; readonly key: string; readonly content: Content; readonly lifetime: Milliseconds }
  | { readonly op: 'lock'; readonly lock: string; readonly token: string; readonly lifetime: Milliseconds }
  | { readonly op: 'unlock'; readonly lock: string }

/** What a backend reports to when something happens without a command. None of these ever throws. */
export interface BackendHost {
  /** The store dropped a key that nobody had deleted. */
  removed(key: string, reason: RemovalReason): void
  /** Something failed that no caller awaits, or a value could not be read and was treated as a miss. */
  error(error: unknown): void
}

/**
 * A place where values live: the part that every store has to write itself.
 *
 * Members may be called concurrently. A member that has its answer at hand may return it instead of a promise, and
 * throw instead of rejecting.
 *
 * **Keys** are any well-formed text of up to 65,536 characters, including empty text; a store may refuse longer ones
 * with `CommandError`. A command never affects another key, whatever characters its own key contains.
 * **Values** are data. Changing a value after it was stored, or after it was read, changes nothing in the store.
 * `undefined`, `null`, `false`, `0` and `''` are values like any other.
 * **Kinds.** A key holds a value, or content of another kind: a set, bits or a window.
 * **Lifetimes** run from the moment of the write. An expired key is an absent key, for every member, at once.
 * **Atomic.** A member that reads and writes does both in one step: nobody else comes between.
 * **Errors.** A store that cannot be reached rejects with `BackendUnavailableError`, and one that refuses with
 * `BackendError`. A command for the wrong kind of key is a `WrongTypeError`, a value that cannot be stored a
 * `ValueError`. An absent key is an answer, never an error.
 *
 * {@link completeBackend} makes a complete {@link Backend} of it.
 *
 * **Proof.** `describeBackend` of `@cashews/conformance` checks each sentence of this file.
 */
export interface BackendBase {
  /** Names the kind of store in events, logs and metrics, such as `memory`. */
  readonly name: string

  /**
   * Connects, and reports to `host` from now on. Called once before the first command, also if several caches use the backend,
   * and again if one is used after {@link close}.
   */
  open(host: BackendHost): Awaitable<void>

  /** Releases every timer, handle and connection that the backend itself created. Closing twice is allowed. */
  close(): Awaitable<void>

  /**
   * Answers the value last written, or {@link MISS}. A key of another kind is a miss.
   *
   * @param spot The store's own note of where it found the key last time. A store may use and update it.
   */
  get(key: string, spot?: Spot): Awaitable<unknown>

  /**
   * Replaces the value and its lifetime. Answers whether it was written: not when `exists` forbids it, nor when the store
   * has no room.
   *
   * @param exists `true`: write only if the key exists; `false`: only if it does not. @default either way
   */
  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean>

  /** Removes a key of any kind. Answers whether it was there. */
  delete(key: string): Awaitable<boolean>

  /**
   * Adds `by`, a positive or negative whole number, and answers the sum. An absent key counts as 0 and is given
   * `lifetime`; an existing key keeps its own. `get` reads the counter as a number.
   * If the value is not a whole number, or it or the sum lies beyond `Number.MAX_SAFE_INTEGER`, this is a `WrongTypeError`
   * and the value stays as it is.
   *
   * @param spot The store's own note of where it found the key last time. A store may use and update it.
   */
  incr(key: string, by: number, lifetime: Milliseconds, spot?: Spot): Awaitable<number>

  /**
   * Yields each key that matches, once, whatever its kind. Keys written or removed meanwhile may or may not appear.
   *
   * @param pattern A glob: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a character that stands for itself.
   * @param batchSize How many keys to fetch from the store at a time: only a hint.
   */
  scan(pattern: string, batchSize: number): AsyncIterable<string> | Iterable<string>

  /** Removes every key this backend wrote, and nothing else. Locks stay. */
  clear(): Awaitable<void>

  /**
   * Answers the value, its time left (`Infinity`: no expiry) and its stamp; {@link MISS} when the key is absent. A key of
   * another kind has a snapshot too, whose value is {@link MISS}.
   */
  inspect(key: string): Awaitable<Snapshot | Miss>

  /**
   * Makes all the writes, in their order, if all the expectations still hold; otherwise, or if it refuses one of the
   * writes, it makes none. Answers whether the expectations held. Either list may be empty.
   *
   * Conditional commands, locks, sets, windows and transactions are all built on this one primitive.
   */
  apply(expectations: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean>

  /** The time by the store's own clock, in milliseconds since the epoch. Absent: the clock of this machine counts. */
  now?(): Awaitable<number>
}

/** The bits of one key. Valid within this turn of the event loop only: later they may belong to another key. */
export interface BitReader {
  /** Answers what {@link Bits.get} would for a field of one bit. */
  bit(index: number): number
}

/**
 * Unsigned counters of `size` bits each, addressed by index. A field that was never written is 0. Use a key with one
 * `size` only: what another size reads is up to the store.
 */
export interface Bits {
  /** Answers the fields, in the order asked. */
  get(key: string, indexes: readonly number[], size: number): Awaitable<number[]>
  /**
   * The bits of the key, if they are in this process. `undefined` does not mean that there are none: ask {@link Bits.get}.
   * Absent: the store never has them in the process.
   */
  now?(key: string): BitReader | undefined
  /** Adds `by` to each field, one after another, and answers their new values. They stop at 0 and `2 ** size - 1`. */
  incr(key: string, indexes: readonly number[], size: number, by: number): Awaitable<number[]>
}

/**
 * Which events {@link Windows.incr} counts: those from `start` to `end`, two instants by the caller's clock in any unit;
 * or those of the last `period` by the store's clock, so that the clocks of callers do not matter.
 */
export type WindowSlice = {
  /** The most events: when there are this many, none is added. */
  readonly max: number
  /** How long the window lives after an event was added. */
  readonly lifetime: Milliseconds
} & ({ readonly start: number; readonly end: number } | { readonly period: Milliseconds })

/** What a window holds after {@link Windows.incr}. */
export interface WindowCount {
  /** The number of events. */
  readonly count: number
  /** Whether the new event is among them. */
  readonly added: boolean
  /** How long ago the oldest event happened, in the unit of the slice: at least 0, and 0 when there is none. */
  readonly age: number
}

/** Counters of what happened in a sliding window. */
export interface Windows {
  /**
   * Forgets events before `start`, or those that happened a `period` ago or earlier. If fewer than `max` are left, adds
   * one at `end`, or now, and renews the lifetime. Events at the same instant count separately. An empty window is an
   * absent key.
   */
  incr(key: string, slice: WindowSlice): Awaitable<WindowCount>
}

/** Unordered sets of text. A set that becomes empty is an absent key. */
export interface Sets {
  /** Answers how many members were new. A `lifetime` replaces the one the set has; without it, the set keeps its own. */
  add(key: string, members: readonly string[], lifetime?: Milliseconds): Awaitable<number>
  /** Answers how many members were in the set. */
  remove(key: string, members: readonly string[]): Awaitable<number>
  /** Removes and answers up to `count` members, in no particular order. */
  pop(key: string, count: number): Awaitable<string[]>
}

/**
 * Locks, held by whoever knows the token. They are separate from the values: a lock and a value of the same name do not
 * affect each other, `scan`, `count`, `deleteMatch` and `clear` skip locks, and nothing about locks is reported to the host.
 *
 * The name of a lock up to its last `\0` is a key, and the lock lives in the same part of the store as that key: one
 * `apply` can expect the lock `a\0mine` and write `a`, even in a store that is spread over several servers.
 */
export interface Locks {
  /** Takes a free lock for `lifetime`. Answers whether `token` holds it now; asking again renews it. */
  acquire(key: string, token: string, lifetime: Milliseconds): Awaitable<boolean>
  /**
   * Does what {@link acquire} does, and in the same step {@link BackendBase.inspect}s the key of the lock, which is its name
   * up to the last `\0`. Answers `undefined` when `token` does not hold the lock. Absent: this takes two steps.
   */
  acquireAndInspect?(key: string, token: string, lifetime: Milliseconds): Awaitable<Snapshot | Miss | undefined>
  /** Gives a lock a new lifetime if `token` still holds it, and answers whether it does. A lost lock stays lost. */
  extend(key: string, token: string, lifetime: Milliseconds): Awaitable<boolean>
  /** Frees the lock if `token` holds it, and answers whether it did. */
  release(key: string, token: string): Awaitable<boolean>
  /** Answers whether anybody holds the lock. */
  isLocked(key: string): Awaitable<boolean>
  /** Resolves when another process may have freed the lock, after `atMost` at the latest. Absent: waiters poll, ever less often. */
  released?(key: string, atMost: Milliseconds): Promise<void>
}

/** The tags that the result of a load will have; `'any'`: they depend on the result. */
export type TagsAhead = readonly string[] | 'any'

/**
 * Names by which keys are invalidated together, in the same time for any number of keys. If a tag was deleted or expired
 * after a key was written with it, or if the store has lost the tag, the key is absent for every member of the backend.
 * Keys written with the tag later are there.
 *
 * `Backend.set` writes a value without tags; `incr`, `expire` and the lifetime `'keep'` leave a key the tags it has. A tag
 * is any text that is not empty. A tag and a key of the same name do not affect each other, and `scan`, `count` and
 * `deleteMatch` skip tags.
 */
export interface Tags {
  /** Called when this process begins to use tags, so that a store can avoid their cost before. */
  begin?(): void
  /**
   * Does what {@link BackendBase.set} does, and replaces the tags of the key by `tags`.
   *
   * @param how.exists As for {@link BackendBase.set}.
   * @param how.proof What {@link Tags.capture} answered: writes only if none of the tags was deleted or expired since.
   * @param how.isTooLate Whether the key was changed in this process since the call. To be asked last, right before the value is
   * sent, by a store that does something else first, such as reading the tags: it writes nothing then.
   */
  set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    tags: readonly string[],
    how?: {
      readonly exists?: boolean | undefined
      readonly proof?: string | undefined
      readonly isTooLate?: (() => boolean) | undefined
    },
  ): Awaitable<boolean>
  /** Writes all. Not one step: a failure may leave some written. */
  setMany(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags: readonly string[],
  ): Awaitable<void>
  /** Does what {@link BackendBase.incr} does, and adds `tags` to those of the key. */
  incr(key: string, by: number, lifetime: Milliseconds, tags: readonly string[]): Awaitable<number>
  /** Makes every key absent that has one of the tags. */
  delete(tags: readonly string[]): Awaitable<void>
  /** Does the same, but {@link Tags.stale} still answers the values. */
  expire(tags: readonly string[]): Awaitable<void>
  /** Answers the tags of a key; an empty list when it has none, {@link MISS} when the key is absent. */
  of(key: string): Awaitable<readonly string[] | Miss>
  /** Answers what `get` does, or the value of a key that is absent only because one of its tags has expired. */
  stale(key: string): Awaitable<unknown>
  /**
   * Answers a proof for {@link Tags.set}: the state of the tags before a load begins. With `'any'`, for tags that are not
   * known yet, the deletion of any tag may void the proof. Absent: only this process uses the store, and core keeps track.
   */
  capture?(tags: TagsAhead): Awaitable<string>
  /** Answers whether a proof of {@link Tags.capture} is still valid. Absent when that is. */
  holds?(proof: string): Awaitable<boolean>
}

/** Receives the value of a key, by a single call of one of these. Neither throws. */
export interface Asker {
  /** The value, or {@link MISS}. */
  found(value: unknown): void
  /** The store could not answer. */
  failed(error: unknown): void
}

/** How much a store in this process holds. */
export interface Usage {
  /** The number of keys, including those that have expired and are not removed yet. */
  readonly entries: number
  /** About how many bytes they take; absent when the store does not count them. */
  readonly bytes?: number
}

/** What {@link Leases.get} answers: the value, or the right to store what is loaded instead. */
export interface Leased {
  /** The value, or {@link MISS}. */
  readonly value: unknown
  /** A token for {@link Leases.set}. Absent when a value was found. */
  readonly lease?: string
}

/**
 * Notices, across processes, that a key was invalidated while its value was being loaded. A lease becomes void as soon as
 * anybody writes or deletes the key. A write by another load voids only the leases that were taken before its own.
 */
export interface Leases {
  /**
   * Answers the value; on a miss, a lease.
   *
   * @param tags The tags that the value will have: deleting or expiring one of them voids the lease too.
   */
  get(key: string, tags?: TagsAhead): Awaitable<Leased>
  /** Answers a lease whatever the key holds, for a load that replaces the value. */
  take(key: string, tags?: TagsAhead): Awaitable<string>
  /** Writes the value, with `tags` if there are any, unless the lease is void. Answers whether it did. */
  set(key: string, value: unknown, lifetime: Milliseconds, lease: string, tags?: readonly string[]): Awaitable<boolean>
  /** Answers whether {@link Leases.set} would write: whether the lease is not void. */
  holds(key: string, lease: string): Awaitable<boolean>
  /** Voids the leases on all keys that match a glob, whether or not the keys exist. */
  voidMatch(pattern: string): Awaitable<void>
}

/**
 * Everything that the commands of a cache need from a store. {@link completeBackend} adds what a {@link BackendBase}
 * lacks; a store can implement any of these itself where it is faster.
 */
export interface Backend extends BackendBase {
  /**
   * Does the same for locks and for keys of another kind, as far as the store has them. A process that was frozen for
   * longer than its lock lived can thus be kept from writing.
   */
  apply(
    expectations: readonly (Expectation | LockExpectation)[],
    writes: readonly (Write | KindWrite)[],
  ): Awaitable<boolean>

  /** Answers values and {@link MISS} in the order of the keys. A key may be asked twice. */
  getMany(keys: readonly string[]): Awaitable<unknown[]>
  /** Writes all. Not one step: a failure may leave some written. */
  setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): Awaitable<void>
  /** Answers how many of the keys existed. */
  deleteMany(keys: readonly string[]): Awaitable<number>
  /** Removes the keys a {@link BackendBase.scan} with this pattern yields. Answers how many. */
  deleteMatch(pattern: string): Awaitable<number>
  /** Answers whether the key is there, whatever its kind. */
  exists(key: string): Awaitable<boolean>
  /** Replaces the lifetime. Answers false for an absent key. */
  expire(key: string, lifetime: Milliseconds): Awaitable<boolean>
  /** Answers the time left, `Infinity` when there is no expiry, {@link MISS} when there is no key. */
  timeLeft(key: string): Awaitable<Milliseconds | Miss>
  /** Answers about how many bytes the key occupies; 0 when absent. */
  size(key: string): Awaitable<number>
  /** Answers how many keys {@link BackendBase.scan} would yield for `*`. */
  count(): Awaitable<number>
  /** Answers `message` when the store is well. */
  ping(message: string): Awaitable<string>
  /** Answers what the store really holds, not decoded, including the tags of the value. A key of another kind is a miss. */
  getRaw(key: string): Awaitable<unknown>
  /**
   * Writes under the same key what {@link getRaw} answered, including its tags. Answers whether it did: not when one of the
   * tags was deleted or expired since.
   */
  setRaw(key: string, value: unknown, lifetime: Milliseconds): Awaitable<boolean>

  /**
   * The part of the store that a key lives in, such as a slot of a Redis Cluster, if one {@link apply} can name keys of one
   * part only. Absent: it can name any keys together.
   */
  partOf?(key: string): string | number

  /**
   * The value, if it is in this process. {@link MISS} does not mean that the key is absent: ask {@link get}. Absent: the
   * store never has values in the process.
   */
  getNow?(key: string): unknown

  /**
   * A promise of what {@link getNow} would answer, or `undefined` instead of {@link MISS}. If its readers need no copies,
   * the store may return the same promise as long as the value is there.
   *
   * @param spot The store's own note of where it found the key last time. A store may use and update it.
   */
  answerNow?(key: string, spot?: Spot): Promise<unknown> | undefined

  /**
   * The current {@link Moment}: until it is over, the key does not change, or stays absent. `undefined` if the key may
   * expire sooner, or if the end of the moment would go unnoticed. Absent: others may write to the store unnoticed.
   */
  momentNow?(key: string): Moment | undefined

  /**
   * Passes what {@link get} would answer to an asker, and never throws. Where one reply of a server answers many reads, this
   * saves the promises in between. Absent: it would save nothing.
   */
  getFor?(key: string, asker: Asker): void

  /**
   * For a store on several servers, so that one that fails keeps no pattern from being deleted on the others. Calls `act` with the
   * keys that match, about `batchSize` at a time and each key once, and yields what it answers. The keys of a server that fails
   * are skipped, and the failure is thrown at the end. Absent: core calls {@link BackendBase.scan}, whose failure ends it.
   */
  visit?<T>(pattern: string, batchSize: number, act: (keys: readonly string[]) => Awaitable<T>): AsyncIterable<T>

  /** How much the store holds. Absent: it cannot tell without waiting. */
  usage?(): Usage

  /**
   * Makes the guard, which bounds how long this store can keep a caller waiting, and turns its errors into misses if
   * errors are suppressed. {@link completeBackend} adds that of core. Absent: the store can never be unreachable.
   */
  readonly guard?: (store: Guarded, options: GuardOptions) => Guard

  /** `false`: the store does not have them, and commands that need them are a `NotSupportedError`. */
  readonly bits: Bits | false
  /** As {@link bits}. */
  readonly windows: Windows | false
  /** As {@link bits}. */
  readonly sets: Sets | false
  /** As {@link bits}. */
  readonly locks: Locks | false
  /** As {@link bits}. {@link completeBackend} adds tags to a store that does not say `false`. */
  readonly tags: Tags | false
  /** Absent: an invalidation during a load is noticed only if it comes from the same process. */
  readonly leases?: Leases
}
