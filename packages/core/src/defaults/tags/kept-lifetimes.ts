import type { Write } from '../../backend.ts'

/** Replaces `'keep'` lifetimes of keys that earlier writes of the same step have set: those are known in advance. */
export function withoutKeeping(writes: readonly Write[]): readonly Write[] {
  const made = new Map<string, Write>()
  return writes.map((write) => {
    const before = made.get(write.key)
    const after = before === undefined ? write : following(before, write)
    if (after.op !== 'expire') made.set(write.key, after)
    else if (before?.op === 'set') made.set(write.key, { ...before, lifetime: after.lifetime })
    return after
  })
}

/** A write of a key that an earlier write of the same step has written. */
function following(before: Write, write: Write): Write {
  if (write.op !== 'set' || write.lifetime !== 'keep') return write
  if (before.op === 'delete') return { ...write, lifetime: Number.POSITIVE_INFINITY }
  const { lifetime, tags } = { tags: undefined, ...before }
  return { ...write, lifetime, tags: write.tags ?? tags }
}
