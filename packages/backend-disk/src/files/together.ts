import type { Awaitable } from '@cashews/core'
import { insist } from './insist.ts'
import type { Pace } from './pace.ts'
import type { Shard } from './shard.ts'
import type { ShardFile } from './shard-file.ts'

/** Runs work in a transaction over several shards, in ascending order, so that two of them never deadlock. */
export function writeTogether<T>(shards: readonly Shard[], pace: Pace, work: () => T): Awaitable<T> {
  let current = shards[0] as Shard
  if (shards.length === 1) return current.write(work)
  const attempt = (): T => {
    const begun: [Shard, ShardFile][] = []
    try {
      for (current of shards) begun.push([current, current.begin()])
      const answer = work()
      for (const [shard, file] of begun) {
        current = shard
        shard.commit(file)
      }
      return answer
    } catch (error) {
      for (const [, file] of begun) file.rollback()
      throw error
    }
  }
  const culprit = () => current
  const last = current.lastFor(1)
  if (shards.some(({ isHindered }) => isHindered)) return insist(shards, attempt, culprit, pace, undefined, last)
  try {
    return attempt()
  } catch (error) {
    return insist(shards, attempt, culprit, pace, error, last)
  }
}
