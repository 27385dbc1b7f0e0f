import type { Awaitable } from './awaitable.ts'
import type { Guard, Guarded, GuardOptions } from './guard.ts'

/** A duration in milliseconds: a whole number of at least 1, or `Infinity`, which means forever. */
export type Milliseconds = number

/** The answer for a key that is not there. Never a value: a stored `undefined` is a hit. */
export const MISS: unique symbol = Symbol.for('cashews.miss') as never
/** The type of {@link MISS}. */
export type Miss = typeof MISS

/**
 * Changes whenever what its key holds changes, and is never that of anything else the key has held; to write the same
 * again may leave it as it was. Opaque: only the backend that made it can read it.
 */
export type Stamp = string | number

/** Why a store dropped a key that nobody deleted. */
export type RemovalReason = 'evicted' | 'expired'

/** What a key of another kind than a value holds, as data. */
export type Content =
  /** The members, each once, in any order. */
  | { readonly kind: 'set'; readonly items: readonly string[] }
  /** The bytes, from field 0 on; the highest bit of each first. */
  | { readonly kind: 'bits'; readonly items: readonly number[] }
  /** When each event happened, in the unit of the caller or in milliseconds by the clock of the store. */
  | { readonly kind: 'window'; readonly items: readonly number[] }

/** What a key holds, for how long, and a stamp to notice that it changed. */
export interface Snapshot {
  /** {@link MISS} for a key of another kind than a value. */
  readonly value: unknown
  /** `Infinity`: no expiry. */
  readonly timeLeft: Milliseconds
  /** To be given to {@link BackendBase.apply} as an {@link Expectation}. */
  readonly stamp: Stamp
  /** What a key of another kind holds. */
  readonly content?: Content
}

/** A key, and where a store found it: the store's own note, for the next time it is asked for this key. */
export interface Spot {
  /** The store may put its own copy of the text here, which it then knows at a glance. */
  key: string
  /** The store that has noted something here; no other goes by it. */
  store: object | undefined
  /** Where in that store the entry is. */
  at: number
  /** What a strategy keeps of the key. */
  note?: unknown
}

/** A second at most, in which a store writes, removes and evicts nothing. */
export interface Moment {
  /** Whether it has ended: the store may have changed since. */
  readonly isOver: boolean
  /** Ends it early. */
  end(): void
}

/** What must still be true of a key for {@link BackendBase.apply} to write. Without a stamp: the key is absent. */
export interface Expectation {
  /** The key that is looked at. */
  readonly key: string
  /** As {@link Snapshot.stamp} told it. */
  readonly stamp?: Stamp | undefined
}

/**
 * One change of {@link BackendBase.apply}. A `'keep'` lifetime leaves the one the key has, and an absent key
 * without an expiry. To `expire` or `delete` an absent key changes nothing, and is not a failure.
 */
export type Write =
  /** Replaces the value. */
  | {
      readonly op: 'set'
      readonly key: string
      readonly value: unknown
      readonly lifetime: Milliseconds | 'keep'
      /** As for {@link Tags.set}: only where the store has tags. @default none */
      readonly tags?: readonly string[] | undefined
    }
  /** Replaces the lifetime. */
  | { readonly op: 'expire'; readonly key: string; readonly lifetime: Milliseconds }
  | { readonly op: 'delete'; readonly key: string }

/**
 * What must still be true of a lock for {@link Backend.apply} to write: that `token` holds it; without a token, that
 * nobody does.
 */
export interface LockExpectation {
  /** The name of the lock. */
  readonly lock: string
  /** Proves who holds it. Absent: it must be free. */
  readonly token?: string | undefined
}

/**
 * One change of {@link Backend.apply} beyond values. To `put` makes of a key one of another kind. To `lock` gives the
 * lock to `token`, whoever holds it; to `unlock` frees it, whoever holds it, and wakes those who wait.
 */
export type KindWrite =
  | { readonly op: 'put'; readonly key: string; readonly content: Content; readonly lifetime: Milliseconds }
  | { readonly op: 'lock'; readonly lock: string; readonly token: string; readonly lifetime: Milliseconds }
  | { readonly op: 'unlock'; readonly lock: string }

/** Where a backend tells what happens by itself. None of these ever throws. */
export interface BackendHost {
  /** A key is gone although nobody deleted it. */
  removed(key: string, reason: RemovalReason): void
  /** Something failed that no caller awaits, or a value could not be read and was answered as a miss. */
  error(error: unknown): void
}

/**
 * A place where values live: the part that every store has to write itself.
 *
 * Members may be called concurrently. A member that has its answer at hand may return it instead of a promise, and
 * throw instead of rejecting.
 *
 * **Keys** are any well-formed text of up to 65,536 characters, the empty one too; a store may refuse longer ones with
 * `CommandError`. They never reach another key, whatever characters they hold.
 * **Values** are data. Changing a value after it was stored, or after it was read, changes nothing in the store.
 * `undefined`, `null`, `false`, `0` and `''` are values like any other.
 * **Lifetimes** run from the moment of the write. An expired key is an absent key, for every member, at once.
 * **Atomic.** A member that reads and writes does both in one step: nobody else comes between.
 * **Errors.** A store that cannot be reached rejects with `BackendUnavailableError`, one that refuses with
 * `BackendError`, a key of another kind with `WrongTypeError`, a value that cannot be kept with `ValueError`. A missing
 * key is an answer, never an error.
 *
 * {@link completeBackend} makes a whole {@link Backend} of it.
 *
 * **Proof.** `describeBackend` of `@cashews/conformance` checks each sentence of this file.
 */
export interface BackendBase {
  /** Names the kind of store in events, logs and metrics, such as `memory`. */
  readonly name: string

  /**
   * Connects, and tells `host` from now on. Called once before the first command, and again after {@link close} when the
   * cache is used anew.
   */
  open(host: BackendHost): Awaitable<void>

  /** Lets go of every timer, handle and connection the backend itself created. Closing twice is allowed. */
  close(): Awaitable<void>

  /**
   * Answers the value last written, or {@link MISS}. A key of another kind (a set, bits, a window) is a miss.
   *
   * @param spot The store's own note of where it found the key. A store may go by it, and note there.
   */
  get(key: string, spot?: Spot): Awaitable<unknown>

  /**
   * Replaces the value and its lifetime, and answers true; false when the store has no room for it.
   *
   * @param exists `true`: write only over a key that is there; `false`: only where there is none. Otherwise false.
   */
  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Awaitable<boolean>

  /** Removes a key of any kind. Answers whether it was there. */
  delete(key: string): Awaitable<boolean>

  /**
   * Adds `by`, a whole number of either sign, and answers the sum. An absent key counts as 0 and is given `lifetime`;
   * a key that is there keeps the lifetime it has. `get` reads the counter as a number.
   * A value that is not a whole number is a `WrongTypeError` and stays as it is, and so does one that is beyond
   * `Number.MAX_SAFE_INTEGER`, or would get there.
   *
   * @param spot The store's own note of where it found the key. A store may go by it, and note there.
   */
  incr(key: string, by: number, lifetime: Milliseconds, spot?: Spot): Awaitable<number>

  /**
   * Yields each key that matches, once, whatever its kind. Keys written or removed meanwhile may or may not appear.
   *
   * @param pattern A glob: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a character that stands for itself.
   * @param batchSize How many keys to ask of the store at a time. A hint.
   */
  scan(pattern: string, batchSize: number): AsyncIterable<string> | Iterable<string>

  /** Removes every key this backend wrote, and nothing else. Locks stay. */
  clear(): Awaitable<void>

  /**
   * Answers the value, its time left (`Infinity`: no expiry) and its stamp; {@link MISS} when absent. A key of another
   * kind is there, with {@link MISS} for its value.
   */
  inspect(key: string): Awaitable<Snapshot | Miss>

  /**
   * Makes all the writes, in their order, if all the expectations still hold, and none otherwise, nor when it refuses one
   * of them. Answers whether they held. Either list may be empty.
   * The one primitive that conditional commands, locks, sets, windows and transactions are made of.
   */
  apply(expectations: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean>

  /** Tells the time by the store's own clock, in milliseconds since the epoch. Absent: by the clock of this host. */
  now?(): Awaitable<number>
}

/** The bits of one key, to be read within this turn of the event loop: later they may be another key's. */
export interface BitReader {
  /** Answers what {@link Bits.get} does for this field of one bit. */
  bit(index: number): number
}

/**
 * Unsigned counters of `size` bits each, addressed by index. A field never written is 0. A key keeps to one `size`: what
 * another one reads is up to the store.
 */
export interface Bits {
  /** Answers the fields, in the order asked. */
  get(key: string, indexes: readonly number[], size: number): Awaitable<number[]>
  /**
   * Answers at once, when the bits of the key are at hand in this process. Here `undefined` says nothing: ask
   * {@link Bits.get}. Absent when the store is always a wait away.
   */
  now?(key: string): BitReader | undefined
  /** Adds `by` to each field, one after another, and answers their new values. They stop at 0 and `2 ** size - 1`. */
  incr(key: string, indexes: readonly number[], size: number, by: number): Awaitable<number[]>
}

/**
 * Which events {@link Windows.incr} counts: those from `start` to `end`, two instants of the caller's own time, in a unit
 * of his own; or those of the last `period` by the store's own clock, so that the clocks of callers do not matter.
 */
export type WindowSlice = {
  /** The number of events from which on none is added. */
  readonly max: number
  /** How long the window is kept after an event was added. */
  readonly lifetime: Milliseconds
} & ({ readonly start: number; readonly end: number } | { readonly period: Milliseconds })

/** What a window holds after {@link Windows.incr}. */
export interface WindowCount {
  /** How many events. */
  readonly count: number
  /** Whether this one is among them. */
  readonly added: boolean
  /** How long ago the oldest of them happened, in the unit of the slice; never less than 0, and 0 when there is none. */
  readonly age: number
}

/** Counters of what happened in a sliding window. */
export interface Windows {
  /**
   * Forgets events before `start`, or those that happened a `period` ago or earlier. When fewer than `max` are left,
   * adds one at `end`, or now, and renews the lifetime. Events at the same instant count separately. A window that holds
   * nothing is an absent key.
   */
  incr(key: string, slice: WindowSlice): Awaitable<WindowCount>
}

/** Unordered sets of text. A set that becomes empty is an absent key. */
export interface Sets {
  /** Answers how many were new. A `lifetime` replaces the one the set has; without it, the set keeps its own. */
  add(key: string, members: readonly string[], lifetime?: Milliseconds): Awaitable<number>
  /** Answers how many were there. */
  remove(key: string, members: readonly string[]): Awaitable<number>
  /** Removes and answers up to `count` members, in no particular order. */
  pop(key: string, count: number): Awaitable<string[]>
}

/**
 * Locks, held by whoever knows the token. They live beside the values: a lock and a value of the same name do not
 * touch each other, `scan`, `count`, `deleteMatch` and `clear` pass locks over, and the host hears nothing of them.
 * A lock lives where the key lives that its name begins with, up to the last `\0`: one `apply` can expect `a\0mine`
 * and write `a`, also in a store that is spread over servers.
 */
export interface Locks {
  /** Takes a free lock for `lifetime`. Answers whether `token` holds it now: asking twice renews it. */
  acquire(key: string, token: string, lifetime: Milliseconds): Awaitable<boolean>
  /**
   * Does what {@link acquire} does, and answers in the same step what the key holds that its name begins with, up to the
   * last `\0`, as {@link BackendBase.inspect} does; `undefined` when `token` does not hold the lock. Absent: it takes two.
   */
  acquireAndInspect?(key: string, token: string, lifetime: Milliseconds): Awaitable<Snapshot | Miss | undefined>
  /** Gives a lock that `token` still holds a new lifetime. A lock that was lost stays lost: false. */
  extend(key: string, token: string, lifetime: Milliseconds): Awaitable<boolean>
  /** Frees the lock if `token` holds it, and answers whether it did. */
  release(key: string, token: string): Awaitable<boolean>
  /** Answers whether anybody holds the lock. */
  isLocked(key: string): Awaitable<boolean>
  /** Resolves when another process may have freed the lock, after `atMost` in any case. Absent: waiters look again by themselves. */
  released?(key: string, atMost: Milliseconds): Promise<void>
}

/** The tags that what is being loaded will have; `'any'`: they depend on it. */
export type TagsAhead = readonly string[] | 'any'

/**
 * Names under which keys are invalidated together, in the same time however many they are. A key whose tag was deleted
 * or expired since it was written, or lost by the store, is an absent key, for every member of the backend. What is
 * written under the tag later is not. `Backend.set` writes a value without tags; `incr`, `expire` and a `'keep'` of a
 * lifetime leave a key the tags it has. Tags are any text but the empty one; a tag and a key of the same name do not
 * touch each other, and `scan`, `count` and `deleteMatch` pass tags over.
 */
export interface Tags {
  /** Called when this process begins to use tags, so that a store may spare itself their trouble before. */
  begin?(): void
  /**
   * Does what {@link BackendBase.set} does, and puts the key under `tags`, which replace those it had.
   *
   * @param how.exists As there.
   * @param how.proof What {@link Tags.capture} answered: writes only if none of the tags was deleted or expired since.
   */
  set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    tags: readonly string[],
    how?: { readonly exists?: boolean | undefined; readonly proof?: string | undefined },
  ): Awaitable<boolean>
  /** Writes all. Not one step: a failure may leave some written. */
  setMany(
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags: readonly string[],
  ): Awaitable<void>
  /** Does what {@link BackendBase.incr} does, and adds `tags` to those of the key. */
  incr(key: string, by: number, lifetime: Milliseconds, tags: readonly string[]): Awaitable<number>
  /** Makes every key absent that is under one of the tags. */
  delete(tags: readonly string[]): Awaitable<void>
  /** Does the same, but {@link Tags.stale} still answers the values. */
  expire(tags: readonly string[]): Awaitable<void>
  /** Answers the tags of a key, none when it has none, {@link MISS} when it is absent. */
  of(key: string): Awaitable<readonly string[] | Miss>
  /** Answers what `get` does, and also the value of a key whose tags only expired. */
  stale(key: string): Awaitable<unknown>
  /**
   * Answers a proof for {@link Tags.set}: what the tags are before a load begins. `'any'`: for tags that are not known
   * yet; the deletion of any other tag may then void it too. Absent: within this process, core sees to it.
   */
  capture?(tags: TagsAhead): Awaitable<string>
  /** Answers whether what {@link Tags.capture} answered is still so. Absent where that is. */
  holds?(proof: string): Awaitable<boolean>
}

/** Waits for what a key holds. It is told once, by one of these. Neither throws. */
export interface Asker {
  /** The value, or {@link MISS}. */
  found(value: unknown): void
  /** The store could not answer. */
  failed(error: unknown): void
}

/** How much a store in this process holds. */
export interface Usage {
  /** Its keys, with those that have expired and are not swept yet. */
  readonly entries: number
  /** About how many bytes they take; absent when it does not count them. */
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
 * Notices, across processes, that a key was invalidated while its value was being loaded. A lease is void as soon as
 * anybody else writes or deletes the key; but a load gives way only to those that began after it.
 */
export interface Leases {
  /**
   * Answers the value; on a miss, a lease.
   *
   * @param tags Those the value will be written under: the lease is void too when one is deleted or expires.
   */
  get(key: string, tags?: TagsAhead): Awaitable<Leased>
  /** Answers a lease, whatever the key holds: for a load that replaces it. */
  take(key: string, tags?: TagsAhead): Awaitable<string>
  /** Writes only while the lease is not void, under `tags` if there are any. Answers whether it did. */
  set(key: string, value: unknown, lifetime: Milliseconds, lease: string, tags?: readonly string[]): Awaitable<boolean>
  /** Answers whether a lease is not void, so that {@link Leases.set} would write. */
  holds(key: string, lease: string): Awaitable<boolean>
  /** Voids the leases on keys that match a glob, there or not. */
  voidMatch(pattern: string): Awaitable<void>
}

/**
 * Everything the commands of a cache ask of a store. {@link completeBackend} adds what a {@link BackendBase} does not
 * bring; a store that does one of these faster brings its own.
 */
export interface Backend extends BackendBase {
  /**
   * The same for locks too, and for keys of another kind, as far as the store has them. So whoever was frozen for longer
   * than his lock lived cannot write any more.
   */
  apply(
    expectations: readonly (Expectation | LockExpectation)[],
    writes: readonly (Write | KindWrite)[],
  ): Awaitable<boolean>

  /** Answers values and {@link MISS} in the order of the keys. A key may be asked twice. */
  getMany(keys: readonly string[]): Awaitable<unknown[]>
  /** Writes all. Not one step: a failure may leave some written. */
  setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): Awaitable<void>
  /** Answers how many were there. */
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
  /** Answers what the store really holds, undecoded: of a value with tags, the tags too. A key of another kind is a miss. */
  getRaw(key: string): Awaitable<unknown>
  /**
   * Puts back under the same key what {@link getRaw} answered, its tags included, and answers true; false when one of
   * them was deleted or expired since.
   */
  setRaw(key: string, value: unknown, lifetime: Milliseconds): Awaitable<boolean>

  /**
   * Tells which part of the store a key lives in, where {@link apply} can only name keys of one part, such as a slot of
   * a Redis Cluster. Absent: it can name any keys together.
   */
  partOf?(key: string): string | number

  /**
   * Answers at once when the value is at hand in this process. Here {@link MISS} says nothing: ask {@link get}.
   * Absent when the store is always a wait away.
   */
  getNow?(key: string): unknown

  /**
   * Answers in a promise what {@link getNow} would answer, or `undefined`. The store may answer with one promise as long as
   * the value is there and its readers need no copies.
   *
   * @param spot The store's own note of where it found the key. A store may go by it, and note there.
   */
  answerNow?(key: string, spot?: Spot): Promise<unknown> | undefined

  /**
   * Answers the moment it is in: until that is over, the key holds what it holds, or is absent. Absent when others may write
   * unnoticed; `undefined` when the key may end sooner, and when nothing would tell that the moment is over.
   */
  momentNow?(key: string): Moment | undefined

  /**
   * Tells an asker what {@link get} would answer, and never throws: many that wait for one answer of a server then need no
   * promises in between. Absent where that saves nothing.
   */
  getFor?(key: string, asker: Asker): void

  /** Tells at once how much it holds. Absent when the store is always a wait away. */
  usage?(): Usage

  /**
   * Bounds how long this store can keep a caller waiting, and turns its errors into misses if so wished: the `guard`
   * of core, which {@link completeBackend} adds. Absent: a store that is never away.
   */
  readonly guard?: (store: Guarded, options: GuardOptions) => Guard

  /** `false`: this store cannot, and a command that needs it is a `NotSupportedError`. */
  readonly bits: Bits | false
  /** As {@link bits}. */
  readonly windows: Windows | false
  /** As {@link bits}. */
  readonly sets: Sets | false
  /** As {@link bits}. */
  readonly locks: Locks | false
  /** {@link completeBackend} adds it to a store that has none. */
  readonly tags: Tags | false
  /** Absent: an invalidation during a load is noticed within the process only. */
  readonly leases?: Leases
}
