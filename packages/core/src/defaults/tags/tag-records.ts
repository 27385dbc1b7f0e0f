import { type Backend, type Expectation, MISS, type Milliseconds, type TagsAhead, type Write } from '../../backend.ts'
import { type Awaitable, all, chain, recover } from '../../basics/awaitable.ts'
import { CommandError } from '../../errors.ts'
import { update } from '../update.ts'
import {
  AHEAD,
  ANY,
  compare,
  margin,
  newStamp,
  raise,
  recordKeyOf,
  recordKeysOf,
  stampIn,
  type TagState,
} from './tag-record.ts'
import type { Proof } from './tag-steps.ts'
import { stampsBeside, type Tagged, type TagStamp, tagged } from './tagged-value.ts'

/** What {@link TagRecords} needs of the store that holds the records. */
export type TagStore = Pick<Backend, 'getMany' | 'getNow' | 'set' | 'delete' | 'inspect' | 'apply'> &
  Partial<Pick<Backend, 'ping' | 'close'>>

/** The stamps of some tags, as their records were just read; `undefined` for a tag without a record. */
export type Known = ReadonlyMap<string, string | undefined>

/** How long a load may take and still be stored. */
const LOAD: Milliseconds = 300_000

/**
 * The records of tags, each of which is a key with a random generation and a revision. Deleting a tag removes its record;
 * expiring it raises the revision. A value is there as long as the record is still the one that it was stored with. So if a
 * store loses a record, values become absent, and none ever comes back.
 */
export class TagRecords {
  readonly #store: TagStore
  /** Whether the records are in another store than the values. */
  readonly elsewhere: boolean

  constructor(store: TagStore, elsewhere: boolean) {
    this.#store = store
    this.elsewhere = elsewhere
  }

  /** Combines a value with the stamps of its tags. */
  tie(stamps: readonly TagStamp[], value: unknown): Tagged {
    return tagged(stamps, value, this.elsewhere)
  }

  /** The stamps that a value was combined with; `undefined` when it has no tags. */
  stampsOf(found: unknown): readonly TagStamp[] | undefined {
    return stampsBeside(found, this.elsewhere)
  }

  /** The stamps of tags for a value with this lifetime. Creates the records that are absent, and lets none end before the value. */
  ensure(tags: readonly string[], lifetime: Milliseconds): Awaitable<TagStamp[]> {
    return all(tags.map((tag) => chain(this.#ensure(tag, lifetime), (stamp) => [tag, stamp] as const)))
  }

  /** The same for a load; `undefined` when one of the tags changed since `proof` was made. */
  stamps(tags: readonly string[], lifetime: Milliseconds, proof?: Proof): Awaitable<TagStamp[] | undefined> {
    return chain(this.ensure(tags, lifetime), (stamps) => {
      if (proof === undefined) return stamps
      const [before, of] = proof
      // Asked last: a deletion changes it first.
      if (of === 'any') return chain(this.#isStill(ANY, before[0]), (isStill) => (isStill ? stamps : undefined))
      const captured = new Map(of.map((tag, at) => [tag, before[at]]))
      return stamps.every(([tag, stamp]) => (captured.get(tag) ?? stamp) === stamp) ? stamps : undefined
    })
  }

  /** Captures the state of tags before a load. */
  capture(tags: TagsAhead): Awaitable<Proof> {
    return chain(
      all(recordKeysOf(tags).map((key) => this.#ahead(key))),
      (stamps) => this.proofOf(tags, stamps) as Proof,
    )
  }

  /** Whether no tag has changed since a proof was made. */
  holds([stamps, tags]: Proof): Awaitable<boolean> {
    const held = all(recordKeysOf(tags).map((key, at) => this.#isStill(key, stamps[at])))
    return chain(held, (each) => each.every(Boolean))
  }

  /**
   * A proof of what the records of tags were found to hold, if all of them were there.
   *
   * @param held What is under their keys.
   */
  proofOf(tags: TagsAhead, held: readonly unknown[]): Proof | undefined {
    const stamps = held.map(stampIn)
    return stamps.includes(undefined) ? undefined : [stamps as string[], tags]
  }

  /** Reads the records of tags. */
  find(tags: readonly string[]): Awaitable<Known> {
    return chain(this.#store.getMany(tags.map(recordKeyOf)), (found) => this.asKnown(tags, found))
  }

  /** The stamps in what was read under the keys of the records, in the order of the tags. */
  asKnown(tags: readonly string[], found: readonly unknown[]): Known {
    return new Map(tags.map((tag, at) => [tag, stampIn(found[at])]))
  }

  /**
   * Whether a value with these stamps is still there.
   *
   * @param known Stamps that were just read. Used if they are those of all its tags; otherwise the records are read.
   */
  state(stamps: readonly TagStamp[], known?: Known): Awaitable<TagState> {
    const tags = stamps.map(([tag]) => tag)
    const found = known && tags.every((tag) => known.has(tag)) ? known : this.find(tags)
    return chain(found, (now) => {
      const states = stamps.map(([tag, stamp]) => compare(stamp, now.get(tag)))
      return states.includes('gone') ? 'gone' : states.includes('expired') ? 'expired' : 'fresh'
    })
  }

  /** Whether stamps are of these tags, in this order, and equal to what their records hold. */
  areFresh(stamps: readonly TagStamp[], tags: readonly string[], held: readonly unknown[]): boolean {
    if (stamps.length !== tags.length) return false
    return stamps.every(([tag, stamp], at) => tag === tags[at] && stampIn(held[at]) === stamp)
  }

  /** Whether stamps are fresh, as far as it can be told without waiting. */
  isFreshNow(stamps: readonly TagStamp[]): boolean {
    const { getNow } = this.#store
    if (getNow === undefined) return false
    for (const [tag, stamp] of stamps) if (stampIn(getNow(recordKeyOf(tag))) !== stamp) return false
    return true
  }

  /** The expectations under which fresh stamps stay fresh; `undefined` when one is not fresh. */
  inspect(stamps: readonly TagStamp[]): Awaitable<Expectation[] | undefined> {
    const expected = stamps.map(([tag, stamp]) => {
      const key = recordKeyOf(tag)
      return chain(this.#store.inspect(key), (found) =>
        found !== MISS && compare(stamp, stampIn(found.value)) === 'fresh' ? { key, stamp: found.stamp } : undefined,
      )
    })
    return chain(all(expected), (found) => (found.includes(undefined) ? undefined : (found as Expectation[])))
  }

  /** Whether the records are still as {@link inspect} found them. */
  hold(expected: readonly Expectation[]): Awaitable<boolean> {
    const holding = expected.map(({ key, stamp }) =>
      chain(this.#store.inspect(key), (found) => found !== MISS && found.stamp === stamp),
    )
    return chain(all(holding), (each) => each.every(Boolean))
  }

  /** Lets no record that exists end before a value with this lifetime. */
  prolong(stamps: readonly TagStamp[], lifetime: Milliseconds): Awaitable<unknown> {
    return all(
      stamps.map(([tag]) => {
        const key = recordKeyOf(tag)
        return update(this.#store, key, (found) => [
          true,
          found === MISS || found.timeLeft >= lifetime ? undefined : { op: 'expire', key, lifetime: margin(lifetime) },
        ])
      }),
    )
  }

  /** Deletes the records. Writes nothing, since a store that is full can still delete. */
  delete(tags: readonly string[]): Awaitable<void> {
    const gone = tags.map((tag): Write => ({ op: 'delete', key: recordKeyOf(tag) }))
    const inSteps = () => chain(this.#changeAny(), () => all(tags.map((tag) => this.#store.delete(recordKeyOf(tag)))))
    const changeAny: Write = { op: 'delete', key: ANY }
    return chain(
      recover<unknown>(
        () => this.#store.apply([], [changeAny, ...gone]),
        (error) => {
          if (!(error instanceof CommandError)) throw error
          return inSteps()
        },
      ),
      () => {},
    )
  }

  /** Raises the revision of the records that exist. */
  expire(tags: readonly string[]): Awaitable<void> {
    const raised = () =>
      all(
        tags.map((tag) => {
          const key = recordKeyOf(tag)
          return update(this.#store, key, (found) => [
            true,
            found === MISS ? undefined : { op: 'set', key, value: raise(String(found.value)), lifetime: 'keep' },
          ])
        }),
      )
    return chain(chain(this.#changeAny(), raised), () => {})
  }

  #changeAny(): Awaitable<boolean> {
    return this.#store.delete(ANY)
  }

  #ensure(tag: string, lifetime: Milliseconds): Awaitable<string> {
    const key = recordKeyOf(tag)
    return update(this.#store, key, (found) => {
      const stamp = found === MISS ? newStamp() : (stampIn(found.value) as string)
      if (found === MISS || found.value !== stamp)
        return [stamp, { op: 'set', key, value: stamp, lifetime: margin(lifetime) }]
      return [stamp, found.timeLeft < lifetime ? { op: 'expire', key, lifetime: margin(lifetime) } : undefined]
    })
  }

  /** The stamp of a record. Creates the record for as long as a load may take if there is none. */
  #ahead(key: string): Awaitable<string> {
    return update(this.#store, key, (found) => {
      if (found !== MISS && found.timeLeft >= LOAD / 2) return [stampIn(found.value) as string]
      const stamp = found === MISS ? newStamp() : (stampIn(found.value) as string)
      const value = found === MISS ? AHEAD + stamp : found.value
      return [stamp, { op: 'set', key, value, lifetime: LOAD }]
    })
  }

  /** Whether a record holds a stamp. Asks the store itself: a copy in this process may be older than an invalidation. */
  #isStill(key: string, stamp: string | undefined): Awaitable<boolean> {
    return chain(this.#store.inspect(key), (found) => found !== MISS && stampIn(found.value) === stamp)
  }
}
