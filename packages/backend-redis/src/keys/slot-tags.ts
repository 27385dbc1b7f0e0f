import { SLOTS, slotOf } from './slot.ts'

let tags: string[] | undefined

/** The shortest hash tag that puts a name into this slot. */
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
