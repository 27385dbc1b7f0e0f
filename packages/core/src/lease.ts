import type { Backend, TagsAhead } from './backend.ts'
import type { Call } from './command.ts'
import { changesValues } from './commands.ts'
import { companionOf } from './companion.ts'
import { compileGlob } from './glob.ts'
import { Newest } from './newest.ts'

/**
 * The right to store what is being loaded. It is lost as soon as anybody writes or deletes the key, so that an
 * invalidation during a load is never undone by its result (Nishtala et al., "Scaling Memcache at Facebook",
 * NSDI 2013, §3.2.1).
 */
export class Lease {
  /** The key in the store, after all middlewares; known once the read has passed them. */
  key: string | undefined
  /** Whether it was lost: the key was written or deleted meanwhile. */
  broken = false
  /** Whether it is taken even if the read finds a value at once. */
  isDue = false
  /** The proof of a store that watches the key across processes; {@link UNPROVEN} when it gave none in time. */
  token: string | undefined
  /** Whether the store was asked for a proof, and has not answered. */
  isAsked = false
  /** Whether the store accepted the value with its proof: nobody had overtaken the load by then. */
  isKept = false
  /** The lease on the same key that was taken before this one. */
  older: Lease | undefined
  /** The leases of its store; `undefined` while it is not taken. */
  among: Leases | undefined
  /** The tags that the value will be stored with. Absent: none. */
  tags: TagsAhead | undefined
  /** The tags that were deleted meanwhile, for a load whose own tags are not known yet. */
  overtaken: ReadonlySet<string> | undefined

  constructor(tags?: TagsAhead | undefined) {
    this.tags = tags
  }

  /** Gives it back. */
  drop(): void {
    this.among?.drop(this)
  }
}

/** In place of a proof: the store did not answer before the load began, so that an invalidation would go unnoticed. */
export const UNPROVEN = ''

/** Whether the value of a load is out of date, or may be, as its tags are not known yet. */
export function isOvertaken({ broken, overtaken }: Lease): boolean {
  return broken || overtaken !== undefined
}

/** Whether the value of a load that is to be stored with these tags is out of date. */
export function isOvertakenUnder({ broken, overtaken }: Lease, tags: readonly string[] = []): boolean {
  return broken || tags.some((tag) => overtaken?.has(tag))
}

/** The loads under way on one backend. */
export class Leases {
  /** The newest lease of each key. */
  readonly #newest = new Newest<Lease>()

  take(key: string, lease: Lease): void {
    lease.key = key
    lease.among = this
    this.#newest.add(lease)
  }

  drop(lease: Lease): void {
    this.#newest.remove(lease)
  }

  /** Whether nothing is being loaded. */
  get isIdle(): boolean {
    return this.#newest.isEmpty
  }

  /** Breaks the leases on every key that a call changes, except the one that the call itself stores with. */
  breakFor(call: Call): void {
    if (this.isIdle || !changesValues(call.command)) return
    if ('key' in call) this.#break(call.key, 'lease' in call ? call.lease : undefined)
    else if ('keys' in call) this.breakAll(call.keys)
    else if ('entries' in call) this.breakAll(call.entries.map(([key]) => key))
    else if ('tags' in call) this.#breakTagged(call.tags)
    else this.breakAll(this.#newest.keys().filter(compileGlob('pattern' in call ? call.pattern : '*')))
  }

  /** Breaks the leases on these keys, or on all there are. */
  breakAll(keys: Iterable<string> = this.#newest.keys()): void {
    for (const key of keys) this.#break(key)
  }

  /** Breaks the leases older than the one that is stored with: loads that began later stay valid. */
  breakOlder(own: Lease): void {
    breakFrom(own.older)
  }

  #break(key: string, own?: Lease): void {
    if (!own) breakFrom(this.#newest.get(key))
    else if (!own.broken) breakFrom(own.older)
  }

  #breakTagged(tags: readonly string[]): void {
    for (const key of this.#newest.keys()) {
      for (let lease = this.#newest.get(key); lease; lease = lease.older) {
        const { tags: own, overtaken = [] } = lease
        if (own === 'any') lease.overtaken = new Set([...overtaken, ...tags])
        else if (own?.some((tag) => tags.includes(tag))) lease.broken = true
      }
    }
  }
}

/** Breaks a lease and those taken before it on the same key. */
function breakFrom(newest: Lease | undefined): void {
  for (let lease = newest; lease; lease = lease.older) lease.broken = true
}

/** The leases on a backend, shared by all caches that use it. */
export const leasesOf: (backend: Backend) => Leases = /* @__PURE__ */ companionOf(() => new Leases())
