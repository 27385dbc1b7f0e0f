import { type Backend, MISS, type Milliseconds, type Tags, type Write } from '../../backend.ts'
import { type Awaitable, all, chain } from '../../basics/awaitable.ts'
import { sumOf } from '../../calls/counter.ts'
import { nextTry } from '../update.ts'
import type { TagRecords } from './tag-records.ts'
import type { TagSteps } from './tag-steps.ts'
import { tagWrite } from './tag-write.ts'
import type { TaggedReads } from './tagged-reads.ts'
import type { TaggableBase } from './tagged-store.ts'

/**
 * Makes the tags of a store that knows only values: each value is stored together with the stamps in the records of its tags.
 *
 * @param put Writes a value that is already combined with its stamps.
 */
export function tagsOver(
  base: TaggableBase,
  records: TagRecords,
  reads: TaggedReads,
  steps: TagSteps | undefined,
  put: Backend['set'],
): Tags {
  /** The records, for a command that uses tags: from now on, this process does. */
  const used = (): TagRecords => {
    reads.inUse = true
    return records
  }

  /** Writes a value and its records in one step; `undefined` if the store cannot. */
  const setInOneStep = (
    key: string,
    value: unknown,
    lifetime: Milliseconds,
    tags: readonly string[],
  ): Awaitable<true> | undefined => steps?.set(key, value, lifetime, tagWrite(reads.note(key, tags), lifetime))

  const setManyInOneStep = (
    entries: readonly (readonly [key: string, value: unknown])[],
    lifetime: Milliseconds,
    tags: readonly string[],
  ): Awaitable<true> | undefined => {
    if (steps === undefined) return undefined
    const known = steps.know(tags)
    for (const [key] of entries) reads.recent.put(key, known)
    reads.inUse = true
    return steps.setMany(entries, lifetime, tagWrite(known, lifetime))
  }

  const incr = (
    key: string,
    by: number,
    lifetime: Milliseconds,
    tags: readonly string[],
    tries = 1,
  ): Awaitable<number> =>
    chain(reads.look(key), ({ found, seen, stamps }) => {
      const [value, left, had] = seen === MISS ? [0, lifetime, []] : [seen.value, seen.timeLeft, stamps]
      const sum = sumOf(key, value, by)
      const names = [...new Set([...had.map(([tag]) => tag), ...tags])]
      return chain(used().ensure(names, left), (now) => {
        const kept = names.length > 0 ? records.tie(now, sum) : sum
        const write: Write = { op: 'set', key, value: kept, lifetime: seen === MISS ? lifetime : 'keep' }
        const expected = { key, stamp: found === MISS ? undefined : found.stamp }
        return chain(base.apply([expected], [write]), (done) =>
          done ? sum : incr(key, by, lifetime, tags, nextTry(key, tries)),
        )
      })
    })

  return {
    begin: () => {
      reads.inUse = true
    },
    set: (key, value, lifetime, tags, { exists, proof, isTooLate } = {}) =>
      (exists === undefined && proof === undefined ? setInOneStep(key, value, lifetime, tags) : undefined) ??
      chain(used().stamps(tags, lifetime, proof && JSON.parse(proof)), (stamps) =>
        stamps === undefined || isTooLate?.() ? false : put(key, records.tie(stamps, value), lifetime, exists),
      ),
    setMany: (entries, lifetime, tags) =>
      chain(
        setManyInOneStep(entries, lifetime, tags) ??
          chain(used().ensure(tags, lifetime), (stamps) =>
            all(entries.map(([key, value]) => base.set(key, records.tie(stamps, value), lifetime))),
          ),
        () => {},
      ),
    incr: (key, by, lifetime, tags) => incr(key, by, lifetime, tags),
    delete: (tags) => used().delete(tags),
    expire: (tags) => used().expire(tags),
    of: (key) => chain(reads.look(key), ({ seen, stamps }) => (seen === MISS ? MISS : stamps.map(([tag]) => tag))),
    stale: (key) => reads.stale(key),
    capture: (tags) => chain(used().capture(tags), (proof) => JSON.stringify(proof)),
    holds: (proof) => used().holds(JSON.parse(proof)),
  }
}
