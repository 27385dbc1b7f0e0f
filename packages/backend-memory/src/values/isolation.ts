import { deepCopy, Twins, ValueError } from '@cashews/core'
import { Flat } from './flat.ts'
import { deepFreeze } from './freeze.ts'
import { ObjectGraph } from './object-graph.ts'

/** How the values in the store are separated from those that callers hold. */
export interface Isolation {
  /** Converts a value that is written to what the store keeps. */
  keep(value: unknown): unknown
  /** Whether readers get copies of what the store keeps. */
  readonly copies: boolean
}

/** `clone` copies on write and on read, `freeze` freezes what is written, `none` trusts all callers. */
export const ISOLATION: Readonly<Record<'clone' | 'freeze' | 'none', Isolation>> = {
  clone: { keep: copyToKeep, copies: true },
  freeze: { keep: deepFreeze, copies: false },
  none: { keep: (value) => value, copies: false },
}

/** Copies a value, and chooses how readers will copy it again. */
function copyToKeep(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return deepCopy(value)
  const twins = new Twins()
  const copy = deepCopy(value, twins)
  if (twins.needed) return new ObjectGraph(copy)
  return !twins.hasParts && Object.getPrototypeOf(copy) === Object.prototype ? new Flat(copy as object) : copy
}

/** The error for a value that cannot be kept: it is not data, it is nested too deeply, or one of its getters threw. */
export function refusal(key: string, error: unknown): ValueError {
  const why = error instanceof RangeError ? 'it is nested too deeply.' : (error as Error | undefined)?.message
  return new ValueError(`Cannot write "${key}": ${why}`, { cause: error })
}
