import { type Awaitable, all, chain } from '../awaitable.ts'
import { type Leased, type Leases, MISS, type Milliseconds, type TagsAhead } from '../backend.ts'
import { type Known, margin, type TagRecords } from './tag-records.ts'
import type { TagSteps } from './tag-steps.ts'
import type { TaggedReads } from './tagged-reads.ts'

/** Leases of a store that know of tags: each carries the proof of what the tags were when it was taken. */
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
    const tags = ahead === undefined || ahead === 'any' ? reads.recent.get(key) : reads.note(key, ahead)
    if (tags === undefined && !ahead) return chain(this.#leases.get(key), (leased) => this.#leased(key, leased))
    return reads.read<Leased>(key, tags, ({ value, found, known }) =>
      value === MISS ? this.#lease(key, ahead, found === MISS, known) : { value },
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
    const { lease, proof } = splitToken(token)
    if (tags.length === 0) return this.#leases.set(key, value, lifetime, lease)
    this.#reads.note(key, tags)
    const records = this.#records.written(tags, proof)
    return (
      this.#steps?.setLeased(key, value, lifetime, lease, records, margin(lifetime)) ??
      this.#set(key, value, lifetime, tags, lease, proof)
    )
  }

  holds(key: string, token: string): Awaitable<boolean> {
    const { lease, proof } = splitToken(token)
    const hold = all([this.#leases.holds(key, lease), proof === undefined || this.#records.holds(proof)])
    return chain(hold, (hold) => hold.every(Boolean))
  }

  voidMatch(pattern: string): Awaitable<void> {
    return this.#leases.voidMatch(pattern)
  }

  /** What is answered for what the store has leased without a look at any tags. */
  #leased(key: string, { value: found, lease }: Leased): Awaitable<Leased> {
    return chain(this.#reads.unpack(key, found), (value) => {
      if (value !== MISS) return { value }
      return lease === undefined ? this.#lease(key, undefined, false) : { value, lease: tokenOf(lease) }
    })
  }

  /** Takes a lease, together with the proof of the tags. */
  #lease(key: string, ahead: TagsAhead | undefined, orValue: boolean, known?: Known): Awaitable<Leased> {
    if (ahead === undefined) return chain(this.#leases.take(key), (lease) => ({ value: MISS, lease: tokenOf(lease) }))
    const step = this.#steps?.lease(key, this.#records.captured(ahead), orValue)
    if (step === undefined) {
      const proof = (ahead === 'any' ? undefined : this.#records.proofOf(known)) ?? this.#records.capture(ahead)
      return chain(all([this.#leases.take(key), proof]), ([lease, proof]) => ({
        value: MISS,
        lease: tokenOf(lease as string, proof),
      }))
    }
    return chain(step, (taken) => {
      if ('lease' in taken)
        return { value: MISS, lease: tokenOf(taken.lease, this.#records.proofOfStep(ahead, taken.stamps)) }
      return chain(this.#reads.unpack(key, taken.value), (value) =>
        value === MISS ? this.#lease(key, ahead, false) : { value },
      )
    })
  }

  /** Writes in several steps. */
  #set(
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    tags: readonly string[],
    lease: string,
    proof?: string,
  ): Awaitable<boolean> {
    const now = this.#records.stamps(tags, lifetime, proof)
    const before = this.#records.known(proof, tags)
    if (before) {
      // What was captured makes the value absent should a tag have changed: nothing has to be waited for.
      const written = this.#leases.set(key, this.#records.tie(before, value), lifetime, lease)
      return chain(all<unknown>([now, written]), ([still, done]) => still !== undefined && done === true)
    }
    return chain(now, (stamps) =>
      stamps === undefined ? false : this.#leases.set(key, this.#records.tie(stamps, value), lifetime, lease),
    )
  }
}

/** The lease of a store, and what the tags were when it was taken. */
function tokenOf(lease: string, proof?: string): string {
  return JSON.stringify(proof === undefined ? [lease] : [lease, proof])
}

function splitToken(token: string): { lease: string; proof?: string | undefined } {
  const [lease, proof] = JSON.parse(token) as [lease: string, proof?: string]
  return { lease, proof }
}
