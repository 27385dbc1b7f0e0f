import { types } from 'node:util'
import { TAG, Tagged } from '../formats/tagged.ts'
import type { Fields } from './plain.ts'

/** Copies the parts that were settled without a copy, so that later changes of the value have no effect. */
export function snapshot(settled: unknown): unknown {
  if (typeof settled !== 'object' || settled === null) return settled
  if (types.isUint8Array(settled)) return Buffer.from(settled)
  if (Array.isArray(settled)) return settled.map(snapshot)
  if (settled instanceof Tagged) {
    if (settled.tag !== TAG.custom) return new Tagged(settled.tag, snapshot(settled.content))
    if (settled.content !== undefined) settled.content = snapshot(settled.content)
    return settled
  }
  const copy: Fields = {}
  for (const key of Object.keys(settled)) copy[key] = snapshot((settled as Fields)[key])
  return copy
}
