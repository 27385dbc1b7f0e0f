import { type Leased, type Leases, MISS, type Milliseconds, type TagsAhead } from '../../backend.ts'
import { type Awaitable, all, chain } from '../../basics/awaitable.ts'
import { areSame } from './recent-tags.ts'
import { AHEAD, newStamp } from './tag-record.ts'
import type { TagRecords } from './tag-records.ts'
import type { KnownTags, Proof, TagSteps } from './tag-steps.ts'
import { tagWrite } from './tag-write.ts'
import type { TaggedReads } from './tagged-reads.ts'
import type { TagStamp } from './tagged-value.ts'

/** Leases that cover tags: each contains a proof of the state of the tags when it was taken. */
export class TaggedLeases implements Leases {
  readonly #leases: Leases
  readonly #records: TagRecords
  readonly #reads: TaggedReads
  readonly #steps: TagSteps | undefined

  constructor(leases: Leases, records: TagRecords, reads: TaggedReads, steps: TagSteps | undefined) {
    this.#leases = leases
    this.#records = records
    this.#reads = reads
    this.#steps = steps
  }

  get(key: string, ahead?: TagsAhead): Awaitable<Leased> {
    const reads = this.#reads
    if (ahead !== undefined && ahead !== 'any') {
      const known = reads.note(key, ahead)
      return reads.read<Leased>(key, known, ({ value, found, held }) =>
        value === MISS ? this.#lease(key, ahead, found === MISS, known, held) : { value },
      )
    }
    const known = reads.recent.get(key)
    if (known === undefined && !ahead) return chain(this.#leases.get(key), (leased) => this.#leased(key, leased))
    return reads.read<Leased>(key, known, ({ value, found }) =>
      value === MISS ? this.#lease(key, ahead, found === MISS) : { value },
    )
  }

  take(key: string, ahead?: TagsAhead): Awaitable<string> {
    return chain(this.#lease(key, ahead, false), ({ lease }) => lease as string)
  }

  set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    token: string,
    tags: readonly string[] = [],
  ): Awaitable<boolean> {
    const [lease, proof] = partsOf(token)
    if (tags.length === 0) return this.#leases.set(key, value, lifetime, lease)
    const known = this.#reads.note(key, tags)
    return (
      this.#steps?.setLeased(key, value, lifetime, tagWrite(known, lifetime), lease, proof) ??
      this.#set(key, value, lifetime, tags, lease, proof)
    )
  }

  holds(key: string, token: string): Awaitable<boolean> {
    const [lease, proof] = partsOf(token)
    const hold = all([this.#leases.holds(key, lease), proof === undefined || this.#records.holds(proof)])
    return chain(hold, (hold) => hold.every(Boolean))
  }

  voidMatch(pattern: string): Awaitable<void> {
    return this.#leases.voidMatch(pattern)
  }

  /** Completes a lease that the base store gave without regard to tags. */
  #leased(key: string, { value: found, lease }: Leased): Awaitable<Leased> {
    return chain(this.#reads.unpack(key, found), (value) => {
      if (value !== MISS) return { value }
      return lease === undefined ? this.#lease(key, undefined, false) : { value, lease: tokenOf(lease) }
    })
  }

  /**
   * Takes a lease, together with the proof of the tags.
   *
   * @param held What their records were found to hold, just before.
   */
  #lease(
    key: string,
    ahead: TagsAhead | undefined,
    orValue: boolean,
    known?: KnownTags,
    held?: readonly unknown[],
  ): Awaitable<Leased> {
    if (ahead === undefined) return chain(this.#leases.take(key), (lease) => ({ value: MISS, lease: tokenOf(lease) }))
    const [records, steps] = [this.#records, this.#steps]
    const step = steps?.lease(key, known ?? steps.know(ahead), AHEAD + newStamp(), orValue, held)
    if (step === undefined) {
      // Records that were just found may end before the load does: it would not be stored.
      const proof = records.capture(ahead)
      return chain(all<string | Proof>([this.#leases.take(key), proof]), ([lease, proof]) => ({
        value: MISS,
        lease: tokenOf(lease as string, proof as Proof),
      }))
    }
    return chain(step, (taken) => {
      if ('lease' in taken)
        return { value: MISS, lease: tokenOf(taken.lease, records.proofOf(ahead, taken.held) as Proof) }
      return chain(this.#reads.unpack(key, taken.value), (value) =>
        value === MISS ? this.#lease(key, ahead, false, known) : { value },
      )
    })
  }

  /** Writes in several steps, if the store cannot do it in one. */
  #set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    tags: readonly string[],
    lease: string,
    proof?: Proof,
  ): Awaitable<boolean> {
    const now = this.#records.stamps(tags, lifetime, proof)
    const before = stampsFor(tags, proof)
    if (before) {
      // The value is written with the captured stamps: if a tag has changed, it is absent. No need to check first.
      const written = this.#leases.set(key, this.#records.tie(before, value), lifetime, lease)
      return chain(all<unknown>([now, written]), ([still, done]) => still !== undefined && done === true)
    }
    return chain(now, (stamps) =>
      stamps === undefined ? false : this.#leases.set(key, this.#records.tie(stamps, value), lifetime, lease),
    )
  }
}

/** A lease of the base store, and the state of the tags when it was taken. */
type Parts = readonly [lease: string, proof?: Proof]

function tokenOf(...parts: Parts): string {
  return JSON.stringify(parts)
}

function partsOf(token: string): Parts {
  return JSON.parse(token)
}

/** The stamps that a load has captured for these tags; `undefined` if it has captured none for one of them. */
function stampsFor(tags: readonly string[], [stamps, of]: Proof = [[], 'any']): TagStamp[] | undefined {
  return of !== 'any' && areSame(tags, of) ? tags.map((tag, at) => [tag, stamps[at] as string]) : undefined
}
