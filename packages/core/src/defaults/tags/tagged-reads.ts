import { type Asker, MISS, type Miss, type Snapshot, type Spot } from '../../backend.ts'
import { type Awaitable, all, chain, isPending } from '../../basics/awaitable.ts'
import { getAll } from '../members.ts'
import { RecentTags } from './recent-tags.ts'
import { type Judge, type Reading, StepReading, StepValue, tell, Unpacking } from './tag-reading.ts'
import { recordKeyOf } from './tag-record.ts'
import type { Known, TagRecords, TagStore } from './tag-records.ts'
import type { KnownTags, TagSteps } from './tag-steps.ts'
import type { TaggableBase } from './tagged-store.ts'
import type { Tagged, TagStamp } from './tagged-value.ts'
import { joinStamps } from './whole-stamp.ts'

/** What a key holds, with the stamps of its tags, if it has any. */
interface Physical {
  readonly found: Snapshot | Miss
  /** What a reader sees: {@link MISS} when a tag is gone. */
  readonly seen: Snapshot | Miss
  readonly stamps: readonly TagStamp[]
}

/** Reads values with tags: a value is present as long as the records of its tags are unchanged. */
export class TaggedReads {
  readonly #base: TaggableBase
  readonly #records: TagRecords
  readonly #store: TagStore | undefined
  readonly #steps: TagSteps | undefined
  /** The tags of recently used keys: with an asynchronous store, knowing them in advance saves a round trip. */
  readonly recent: RecentTags

  /** Whether this process uses tags. */
  inUse = false

  /** @param store Where the records are, unless beside the values. If they are, `steps` can do some work in one step. */
  constructor(base: TaggableBase, records: TagRecords, store?: TagStore, steps?: TagSteps) {
    this.#base = base
    this.#records = records
    this.#store = store
    this.#steps = steps
    this.recent = new RecentTags((tags) => (steps ? steps.know(tags) : { tags }))
  }

  get(key: string): Awaitable<unknown> {
    const known = this.#recentOf(key)
    if (known === undefined) return chain(this.#base.get(key), (found) => this.unpack(key, found))
    return this.read(key, known, valueIn)
  }

  /** For a store that has `getFor`. */
  getFor(key: string, asker: Asker): void {
    const known = this.#recentOf(key)
    if (known === undefined) this.#base.getFor?.(key, new Unpacking(key, asker, this.#unpackFor))
    else if (this.#steps?.readFor === undefined) tell(asker, () => this.get(key))
    else this.#steps.readFor(key, known, new StepValue(key, known, this.#judge, asker))
  }

  getMany(keys: readonly string[]): Awaitable<unknown[]> {
    const tags = this.inUse ? [...new Set(keys.flatMap((key) => this.recent.get(key)?.tags ?? []))] : []
    return chain(this.#readAll(keys, tags), ([values, held]) => {
      const known = tags.length > 0 ? this.#records.asKnown(tags, held) : undefined
      return all(values.map((found, at) => this.unpack(keys[at] as string, found, { known })))
    })
  }

  /** Returns a value that is in this process, with the records of its tags; otherwise {@link MISS}. */
  getNow(key: string): unknown {
    return this.#unpackNow(this.#base.getNow?.(key))
  }

  answerNow(key: string, spot?: Spot): Promise<unknown> | undefined {
    const { getNow, answerNow } = this.#base
    if (!this.inUse || !getNow) return answerNow?.call(this.#base, key, spot)
    const value = this.#unpackNow(getNow.call(this.#base, key))
    return value === MISS ? undefined : Promise.resolve(value)
  }

  /** Reads a value, also if its tags have expired. */
  stale(key: string): Awaitable<unknown> {
    return this.read(key, this.recent.get(key), valueIn, true)
  }

  /** Reads a value together with the records of the tags it is assumed to have, and passes on what a reader sees. */
  read<T>(
    key: string,
    known: KnownTags | undefined,
    next: (reading: Reading) => Awaitable<T>,
    stale = false,
  ): Awaitable<T> {
    if (known === undefined || known.tags.length === 0)
      return chain(this.#base.get(key), (found) =>
        chain(this.unpack(key, found, { stale }), (value) => next({ value, found })),
      )
    const judge = stale ? this.#judgeStale : this.#judge
    const steps = this.#steps
    if (!steps?.readFor)
      return chain(this.#readAll([key], known.tags), ([[found], held]) =>
        chain(judge(key, known.tags, found, held), next),
      )
    return new Promise((resolve, failed) =>
      steps.readFor?.(key, known, new StepReading(key, known, judge, next, resolve, failed)),
    )
  }

  /** What a reader sees of what the store holds. */
  unpack(
    key: string,
    found: unknown,
    { stale = false, known }: { stale?: boolean; known?: Known | undefined } = {},
  ): Awaitable<unknown> {
    const stamps = this.stampsOf(found)
    if (stamps === undefined) return found
    const { value } = found as Tagged
    const state = this.#records.state(stamps, known)
    if (known !== undefined || isPending(state))
      this.note(
        key,
        stamps.map(([tag]) => tag),
      )
    return chain(state, (state) => (state === 'fresh' || (stale && state === 'expired') ? value : MISS))
  }

  /** Notes the tags that a key has now, and returns them prepared for the store. From now on, this process uses tags. */
  note(key: string, tags: readonly string[]): KnownTags {
    this.inUse = true
    return this.recent.note(key, tags)
  }

  look(key: string): Awaitable<Physical> {
    return chain(this.#base.inspect(key), (found) => this.lookInto(found))
  }

  lookInto(found: Snapshot | Miss): Awaitable<Physical> {
    const stamps = found === MISS ? undefined : this.stampsOf(found.value)
    if (found === MISS || stamps === undefined) return { found, seen: found, stamps: [] }
    const { value } = found.value as Tagged
    return chain(this.#records.inspect(stamps), (records) => ({
      found,
      seen: records ? { ...found, value, stamp: joinStamps(found.stamp, records) } : MISS,
      stamps,
    }))
  }

  /** The stamps of a value; `undefined` when it has no tags. If it has any, this process uses tags from now on. */
  stampsOf(found: unknown): readonly TagStamp[] | undefined {
    const stamps = this.#records.stampsOf(found)
    if (stamps !== undefined) this.inUse = true
    return stamps
  }

  readonly #judge: Judge = (...found) => this.#judged(false, ...found)
  readonly #judgeStale: Judge = (...found) => this.#judged(true, ...found)

  #judged(stale: boolean, ...[key, tags, found, held]: Parameters<Judge>): Awaitable<Reading> {
    if (found === MISS) return { value: MISS, found, held }
    const stamps = this.stampsOf(found)
    if (stamps && this.#records.areFresh(stamps, tags, held)) return { value: (found as Tagged).value, found }
    const known = this.#records.asKnown(tags, held)
    return chain(this.unpack(key, found, { stale, known }), (value) => ({ value, found, held }))
  }

  /** The tags that a key is assumed to have. */
  #recentOf(key: string): KnownTags | undefined {
    return this.inUse ? this.recent.get(key) : undefined
  }

  /** Reads keys from the store, and the records of tags from there or from the other store. */
  #readAll(keys: readonly string[], tags: readonly string[]): Awaitable<[found: unknown[], held: unknown[]]> {
    const records = tags.map(recordKeyOf)
    if (!this.#store || tags.length === 0)
      return chain(getAll(this.#base, [...keys, ...records]), (found) => [found, found.splice(keys.length)])
    return all([getAll(this.#base, keys), this.#store.getMany(records)]) as Awaitable<[unknown[], unknown[]]>
  }

  readonly #unpackFor = (key: string, found: unknown, asker: Asker): void => {
    if (this.stampsOf(found) === undefined) asker.found(found)
    else tell(asker, () => this.unpack(key, found))
  }

  #unpackNow(found: unknown): unknown {
    const stamps = this.stampsOf(found)
    if (stamps === undefined) return found
    return this.#records.isFreshNow(stamps) ? (found as Tagged).value : MISS
  }
}

function valueIn({ value }: Reading): unknown {
  return value
}
