import { deepCopy, Twins, ValueError } from '@cashews/core'
import { Flat } from './flat.ts'
import { deepFreeze } from './freeze.ts'
import { Held } from './held.ts'
import { ObjectGraph } from './object-graph.ts'

/** How the values in the store are separated from those that callers hold. */
export interface Isolation {
  /** Converts a value that is written to what the store keeps. */
  keep(value: unknown): unknown
  /** Converts an object that the store keeps to the answer for a reader. */
  give(kept: object): unknown
  /** Whether readers get exactly what the store keeps. */
  readonly givesAll: boolean
}

const giveItself = (kept: object): unknown => (kept instanceof Held ? kept.read() : kept)

/** `clone` copies on write and on read, `freeze` freezes what is written, `none` trusts all callers. */
export const ISOLATION: Readonly<Record<'clone' | 'freeze' | 'none', Isolation>> = {
  clone: {
    keep(value) {
      if (typeof value !== 'object' || value === null) return deepCopy(value)
      const twins = new Twins()
      const copy = deepCopy(value, twins)
      if (twins.needed) return new ObjectGraph(copy)
      return !twins.hasParts && Object.getPrototypeOf(copy) === Object.prototype ? new Flat(copy as object) : copy
    },
    give: (kept) => (kept instanceof Held ? kept.read() : deepCopy(kept)),
    givesAll: false,
  },
  freeze: {
    keep(value) {
      deepFreeze(value)
      return value
    },
    give: giveItself,
    givesAll: true,
  },
  none: {
    keep: (value) => value,
    give: giveItself,
    givesAll: true,
  },
}

/** The error for a value that cannot be kept: it is not data, it is nested too deeply, or one of its getters threw. */
export function refusal(key: string, error: unknown): ValueError {
  const why = error instanceof RangeError ? 'it is nested too deeply.' : (error as Error | undefined)?.message
  return new ValueError(`Cannot write "${key}": ${why}`, { cause: error })
}
