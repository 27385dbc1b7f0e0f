import slotOf from 'cluster-key-slot'

/** How many slots a Redis Cluster has (Redis Cluster specification, "Key distribution model"). */
const SLOTS = 16_384

let tags: string[] | undefined

/** The shortest hash tag that puts a key into the slot of another one. */
export function tagOfSlot(slot: number): string {
  tags ??= findTags()
  return tags[slot] as string
}

function findTags(): string[] {
  const found: string[] = []
  for (let candidate = 0, left = SLOTS; left > 0; candidate++) {
    const tag = candidate.toString(36)
    const slot = slotOf(tag)
    if (found[slot] !== undefined) continue
    found[slot] = tag
    left--
  }
  return found
}
