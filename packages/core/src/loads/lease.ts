import type { Backend, TagsAhead } from '../backend.ts'
import { companionOf } from '../basics/companion.ts'
import { compileGlob } from '../basics/glob.ts'
import { changesValues } from '../calls/commands.ts'
import type { Call } from '../command.ts'
import { Newest } from './newest.ts'

/**
 * The right to store the result of a load. It is lost as soon as anybody writes or deletes the key, so that the result never
 * undoes an invalidation that came during the load (Nishtala et al., "Scaling Memcache at Facebook",
 * NSDI 2013, §3.2.1).
 */
export class Lease {
  /** The key as the middlewares left it; known once the read has passed them. */
  key: string | undefined
  /** Whether it was lost: the key was written or deleted meanwhile. */
  broken = false
  /** Whether it is taken even if the read finds a value synchronously. */
  isDue = false
  /** The lease or the proof given by a store that watches keys across processes; {@link UNPROVEN} if it gave none in time. */
  token: string | undefined
  /** Whether the store was asked for one and has not answered yet. */
  isAsked = false
  /** Whether the store accepted the value with this token, so that the load was valid until then. */
  isKept = false
  /** The lease on the same key that was taken before this one. */
  older: Lease | undefined
  /** The leases of its store; `undefined` until it is taken. */
  among: Leases | undefined
  /** The tags that the value will have. Absent: none. */
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

/** Instead of a token: the store did not answer before the load began, so that an invalidation would go unnoticed. */
export const UNPROVEN = ''

/** Whether the value of a load is out of date, or may be, because its tags are not known yet. */
export function isOvertaken({ broken, overtaken }: Lease): boolean {
  return broken || overtaken !== undefined
}

/** Whether the value of a load is out of date if it is stored with these tags. */
export function isOvertakenUnder({ broken, overtaken }: Lease, tags: readonly string[] = []): boolean {
  return broken || tags.some((tag) => overtaken?.has(tag))
}

/** The leases of the loads that are running on one backend. */
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

  /** Breaks the leases on every key that a call changes, except the lease of the call itself. */
  breakFor(call: Call): void {
    if (this.isIdle || !changesValues(call.command)) return
    if ('key' in call) this.#break(call.key, 'lease' in call ? call.lease : undefined)
    else if ('keys' in call) this.breakAll(call.keys)
    else if ('entries' in call) this.breakAll(call.entries.map(([key]) => key))
    else if ('tags' in call) this.#breakTagged(call.tags)
    else this.breakAll(this.#newest.keys().filter(compileGlob('pattern' in call ? call.pattern : '*')))
  }

  /** Breaks the leases on these keys, or on all keys. */
  breakAll(keys: Iterable<string> = this.#newest.keys()): void {
    for (const key of keys) this.#break(key)
  }

  /** Breaks the leases that are older than this one: loads that began later stay valid. */
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
export const leasesOf: (backend: Backend, make?: () => Leases) => Leases = /* @__PURE__ */ companionOf(
  () => new Leases(),
)
