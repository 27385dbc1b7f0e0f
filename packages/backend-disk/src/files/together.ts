import type { Awaitable } from '@cashews/core'
import { insist } from './insist.ts'
import type { Pace } from './pace.ts'
import type { Shard } from './shard.ts'
import type { ShardFile } from './shard-file.ts'

/**
 * Runs work in a transaction over several shards, in ascending order, so that two of them never deadlock. Answers false, and
 * writes nothing, if `work` does.
 *
 * @param work Is given the shards to write to. Once a shard has committed, only those that have not are left: they follow.
 */
export function writeTogether(
  shards: readonly Shard[],
  pace: Pace,
  work: (left: readonly Shard[]) => boolean,
): Awaitable<boolean> {
  let current = shards[0] as Shard
  if (shards.length === 1) return current.write(() => work(shards))
  let committed = 0
  const attempt = (): boolean => {
    const begun: [Shard, ShardFile][] = []
    const left = shards.slice(committed)
    try {
      for (current of left) begun.push([current, current.begin()])
      const isDone = work(left)
      if (isDone)
        for (const [shard, file] of begun) {
          current = shard
          shard.commit(file)
          committed++
        }
      return isDone
    } finally {
      for (const [, file] of begun) file.rollback()
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
