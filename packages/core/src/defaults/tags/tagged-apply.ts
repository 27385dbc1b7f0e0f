import { type Expectation, MISS, type Stamp, type Write } from '../../backend.ts'
import { type Awaitable, all, chain, recover } from '../../basics/awaitable.ts'
import { CommandError } from '../../errors.ts'
import { withoutKeeping } from './kept-lifetimes.ts'
import { isRecordKey } from './tag-record.ts'
import type { TagRecords } from './tag-records.ts'
import type { TaggedReads } from './tagged-reads.ts'
import type { TaggableBase } from './tagged-store.ts'
import type { TagStamp } from './tagged-value.ts'
import { splitStamp } from './whole-stamp.ts'

/** The `apply` of a store of values with tags: an expectation on a value is one on its tags too. */
export class TaggedApply {
  readonly #base: TaggableBase
  readonly #records: TagRecords
  readonly #reads: TaggedReads

  constructor(base: TaggableBase, records: TagRecords, reads: TaggedReads) {
    this.#base = base
    this.#records = records
    this.#reads = reads
  }

  apply(expectations: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean> {
    const stamps = new Map(expectations.map(({ key, stamp }) => [key, stamp]))
    return chain(this.#holdElsewhere(expectations), (hold) => {
      if (!hold) return false
      return chain(all(withoutKeeping(writes).map((write) => this.#pack(write, stamps))), (packed) =>
        chain(
          this.#applyAll(
            expectations.flatMap((expectation) => this.#expand(expectation)),
            packed,
          ),
          (done) => done || this.#applyAnew(expectations, packed),
        ),
      )
    })
  }

  /** The expectations on the base store that make up an expectation of the contract. */
  #expand(expectation: Expectation): readonly Expectation[] {
    if (isOfLock(expectation)) return [expectation]
    const { key, stamp } = expectation
    const whole = splitStamp(stamp)
    return whole ? [{ key, stamp: whole[0] }, ...(this.#records.elsewhere ? [] : whole[1])] : [{ key, stamp }]
  }

  #expandAnew(expectation: Expectation): Awaitable<readonly Expectation[]> {
    const { key, stamp } = expectation
    if (isOfLock(expectation)) return [expectation]
    return chain(this.#reads.look(key), ({ found, seen }) => {
      if (found === MISS) return this.#expand(expectation)
      // A key whose tags are gone is absent, though the base store has it: then its own stamp must not change.
      if (seen === MISS) return stamp === undefined ? [{ key, stamp: found.stamp }] : this.#expand(expectation)
      return this.#expand({ key, stamp: splitStamp(stamp)?.[0] === found.stamp ? seen.stamp : stamp })
    })
  }

  #holdElsewhere(expectations: readonly Expectation[]): Awaitable<boolean> {
    const records = this.#records.elsewhere ? expectations.flatMap(({ stamp }) => splitStamp(stamp)?.[1] ?? []) : []
    return records.length === 0 || this.#records.hold(records)
  }

  #applyAll(expected: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean> {
    const isOfRecord = (one: Expectation) => !isOfLock(one) && isRecordKey(one.key)
    const records = expected.filter(isOfRecord)
    return recover(
      () => this.#base.apply(expected, writes),
      (error) => {
        if (!(error instanceof CommandError) || records.length === 0) throw error
        // A store on several servers cannot check records and values in one step: the records first.
        const others = expected.filter((one) => !isOfRecord(one))
        return chain(this.#records.hold(records), (hold) => hold && this.#base.apply(others, writes))
      },
    )
  }

  /** Tries again when an expectation may hold although a stamp differs, such as that of a record that was prolonged. */
  #applyAnew(expectations: readonly Expectation[], writes: readonly Write[]): Awaitable<boolean> {
    const before = expectations.flatMap((expectation) => this.#expand(expectation))
    return chain(all(expectations.map((expectation) => this.#expandAnew(expectation))), (found) => {
      const expected = found.flat()
      return expected.some(({ stamp }, at) => stamp !== before[at]?.stamp) && this.#applyAll(expected, writes)
    })
  }

  /** Converts a write. One that keeps the lifetime keeps the tags too; `stamps` has what is known about the keys. */
  #pack(write: Write, stamps: ReadonlyMap<string, Stamp | undefined>): Awaitable<Write> {
    if (write.op !== 'set') return write
    const { key, value, tags = [] } = write
    const stamp = stamps.get(key)
    const isAbsent = stamps.has(key) && stamp === undefined
    const lifetime = write.lifetime === 'keep' && isAbsent ? Number.POSITIVE_INFINITY : write.lifetime
    const put = (tied: readonly TagStamp[]): Write => ({
      op: 'set',
      key,
      value: tied.length > 0 ? this.#records.tie(tied, value) : value,
      lifetime,
    })
    if (tags.length > 0)
      return chain(this.#records.ensure(tags, lifetime === 'keep' ? Number.POSITIVE_INFINITY : lifetime), put)
    const isUntagged = stamp !== undefined && splitStamp(stamp) === undefined
    if (lifetime !== 'keep' || isUntagged) return put([])
    return chain(this.#reads.look(key), ({ seen, stamps: tied }) => put(seen === MISS ? [] : tied))
  }
}

/** Whether it is an expectation on a lock, for a store with locks of its own. */
function isOfLock(expectation: Expectation): boolean {
  return 'lock' in expectation
}
