import type { Backend, Milliseconds, Spot, TagsAhead, WindowCount, WindowSlice } from './backend.ts'
import type { Awaitable } from './basics/awaitable.ts'
import type { Lease } from './loads/lease.ts'
import type { LockClaim } from './locks/lock-claim.ts'

type Entries = readonly (readonly [key: string, value: unknown])[]
type Stream<T> = AsyncIterable<T>

/** What each command takes, beside its backend. Durations are in milliseconds; `Infinity` means forever. */
interface CommandFields {
  get: {
    readonly key: string
    readonly lease?: Lease | undefined
    /** The store's note of where it found the key. Ignored if it belongs to another key. */
    readonly spot?: Spot | undefined
    /** Whether the call only begins a load, regardless of the value. */
    readonly leaseOnly?: boolean
    /** Whether to accept a value whose tags have expired. */
    readonly stale?: boolean
    /** The answer if the store cannot be asked. @default MISS */
    readonly neutral?: unknown
    /** The tags that the result of the load will have. */
    readonly tags?: TagsAhead | undefined
  }
  getMany: { readonly keys: readonly string[] }
  getMatch: { readonly pattern: string; readonly batchSize: number }
  getRaw: { readonly key: string }
  set: {
    readonly key: string
    readonly value: unknown
    readonly lifetime: Milliseconds
    readonly exists?: boolean | undefined
    readonly tags?: readonly string[] | undefined
    readonly lease?: Lease | undefined
  }
  setMany: { readonly entries: Entries; readonly lifetime: Milliseconds; readonly tags?: readonly string[] | undefined }
  setRaw: { readonly key: string; readonly value: unknown; readonly lifetime: Milliseconds }
  delete: { readonly key: string }
  deleteMany: { readonly keys: readonly string[] }
  deleteMatch: { readonly pattern: string }
  exists: { readonly key: string }
  scan: { readonly pattern: string; readonly batchSize: number }
  incr: {
    readonly key: string
    readonly by: number
    readonly lifetime: Milliseconds
    readonly tags?: readonly string[] | undefined
  }
  expire: { readonly key: string; readonly lifetime: Milliseconds }
  getExpire: { readonly key: string }
  clear: object
  ping: { readonly message: string }
  getSize: { readonly key: string }
  getKeysCount: object
  setLock: {
    readonly key: string
    readonly token: string
    readonly lifetime: Milliseconds
    readonly extend?: boolean | undefined
    readonly claim?: LockClaim | undefined
  }
  unlock: { readonly key: string; readonly token: string; readonly claim?: LockClaim | undefined }
  isLocked: { readonly key: string }
  getBits: { readonly key: string; readonly indexes: readonly number[]; readonly size: number }
  incrBits: { readonly key: string; readonly indexes: readonly number[]; readonly size: number; readonly by: number }
  sliceIncr: { readonly key: string } & WindowSlice
  setAdd: { readonly key: string; readonly members: readonly string[]; readonly lifetime?: Milliseconds | undefined }
  setRemove: { readonly key: string; readonly members: readonly string[] }
  setPop: { readonly key: string; readonly count: number }
  deleteTags: { readonly tags: readonly string[] }
  expireTags: { readonly tags: readonly string[] }
  getTags: { readonly key: string }
}

/** What each command answers. An absent key is `MISS`. */
export interface CommandResults {
  /** The value, or `MISS`. */
  get: unknown
  /** The values or `MISS`, in the order of the keys. */
  getMany: unknown[]
  /** The pairs whose key matches. */
  getMatch: Stream<readonly [key: string, value: unknown]>
  /** What the store holds, not decoded, or `MISS`. */
  getRaw: unknown
  /** Whether it was written: `false` where `exists` did not hold, or the store had no room. */
  set: boolean
  /** Nothing. */
  setMany: undefined
  /** Whether it was written. */
  setRaw: boolean
  /** Whether the key was there. */
  delete: boolean
  /** How many of the keys were there. */
  deleteMany: number
  /** How many keys matched. */
  deleteMatch: number
  /** Whether the key is there. */
  exists: boolean
  /** The keys that match. */
  scan: Stream<string>
  /** The sum. */
  incr: number
  /** Whether the key was there. */
  expire: boolean
  /** The milliseconds left, `Infinity` without an expiry, or `MISS`. */
  getExpire: unknown
  /** Nothing. */
  clear: undefined
  /** The message that was sent. */
  ping: string
  /** About how many bytes the key takes; 0 when it is absent. */
  getSize: number
  /** How many keys the store holds. */
  getKeysCount: number
  /** Whether the token holds the lock now. */
  setLock: boolean
  /** Whether the token held the lock. */
  unlock: boolean
  /** Whether anybody holds the lock. */
  isLocked: boolean
  /** The fields, 0 where nothing was written. */
  getBits: number[]
  /** The fields after the addition. */
  incrBits: number[]
  /** What the window holds now. */
  sliceIncr: WindowCount
  /** How many members were new. */
  setAdd: number
  /** How many members were there. */
  setRemove: number
  /** The members that were removed. */
  setPop: string[]
  /** Whether the store carried it out. */
  deleteTags: boolean
  /** Whether the store carried it out. */
  expireTags: boolean
  /** The tags of the key, or `MISS`. */
  getTags: unknown
}

/** The name of an operation on a cache. */
export type Command = keyof CommandFields

/** One operation as data: middlewares see it, and may change it on its way to the backend. */
export type CallOf<C extends Command> = {
  [K in C]: { readonly command: K; readonly backend: Backend } & CommandFields[K]
}[C]

/** Any operation as data, discriminated by `command`. */
export type Call = CallOf<Command>

/** An operation before it is known which backend it goes to. */
export type Request<C extends Command> = { [K in C]: { readonly command: K } & CommandFields[K] }[C]

/** Commands whose answer is a stream, not a promise. */
export type StreamCommand = 'scan' | 'getMatch'

/** The answer of a command. */
export type Answer<C extends Command> = Awaitable<CommandResults[C]>
