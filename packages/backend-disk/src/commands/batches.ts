import type { Milliseconds } from '@cashews/core'
import type { Shard } from '../files/shard.ts'
import { turn } from '../files/turn.ts'

/** How many keys one step takes at most. */
const BATCH = 64
/** How long the steps may block the event loop before they yield to it. */
const STRETCH: Milliseconds = 2

/**
 * Runs a step for batches of keys, shard by shard.
 *
 * @param hashes The checksums of the keys.
 * @param step Is given the places of its keys in `hashes`.
 */
export async function inBatches(
  shards: readonly Shard[],
  hashes: readonly number[],
  step: (shard: Shard, places: readonly number[]) => Promise<void>,
): Promise<void> {
  const places: number[][] = shards.map(() => [])
  for (let at = 0; at < hashes.length; at++) places[(hashes[at] as number) % places.length]?.push(at)
  let start = performance.now()
  for (const [nth, all] of places.entries()) {
    for (let at = 0; at < all.length; at += BATCH) {
      if (performance.now() - start > STRETCH) {
        await turn()
        start = performance.now()
      }
      await step(shards[nth] as Shard, all.slice(at, at + BATCH))
    }
  }
}
