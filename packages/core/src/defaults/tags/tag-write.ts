import type { Milliseconds } from '../../backend.ts'
import { margin, newStamp } from './tag-record.ts'
import type { KnownTags, TagWrite } from './tag-steps.ts'

/** Makes what a store has to know about the tags of a value with this lifetime. */
export function tagWrite(known: KnownTags, lifetime: Milliseconds): TagWrite {
  return { known, fresh: newStamp(), recordLifetime: margin(lifetime) }
}
