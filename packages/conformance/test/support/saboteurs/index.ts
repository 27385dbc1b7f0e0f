import { answerNow } from './answer-now.ts'
import { apply } from './apply.ts'
import { atHand } from './at-hand.ts'
import { atomicity } from './atomicity.ts'
import { batches } from './batches.ts'
import { bits } from './bits.ts'
import { commit } from './commit.ts'
import { conditions } from './conditions.ts'
import { counter } from './counter.ts'
import { inspect } from './inspect.ts'
import { isolation } from './isolation.ts'
import { keys } from './keys.ts'
import { leases } from './leases.ts'
import { life } from './life.ts'
import { lifetime } from './lifetime.ts'
import { locks } from './locks.ts'
import { model } from './model.ts'
import { pattern } from './pattern.ts'
import { removal } from './removal.ts'
import { sets } from './sets.ts'
import { spots } from './spots.ts'
import { tagChanges } from './tag-changes.ts'
import { tagDeletion } from './tag-deletion.ts'
import { tags } from './tags.ts'
import type { Saboteur } from './tools.ts'
import { values } from './values.ts'
import { windows } from './windows.ts'

/** By the title of the check that must catch it. */
export const saboteurs: Readonly<Record<string, Saboteur>> = {
  ...values,
  ...keys,
  ...lifetime,
  ...conditions,
  ...counter,
  ...batches,
  ...pattern,
  ...isolation,
  ...inspect,
  ...apply,
  ...atomicity,
  ...bits,
  ...windows,
  ...sets,
  ...locks,
  ...commit,
  ...leases,
  ...tags,
  ...tagDeletion,
  ...tagChanges,
  ...atHand,
  ...answerNow,
  ...spots,
  ...removal,
  ...life,
  ...model,
}
