import { deepCopy, Twins, ValueError } from '@cashews/core'
import { Flat } from './flat.ts'
import { deepFreeze } from './freeze.ts'
import { Held } from './held.ts'
import { ObjectGraph } from './object-graph.ts'

/** How the values in the store are kept apart from those that callers hold. */
export interface Isolation {
  /** What is kept of a value that is written. */
  keep(value: unknown): unknown
  /** What is answered for an object that is kept. */
  give(kept: object): unknown
  /** Whether what is kept of a value is always what is answered. */
  readonly givesAll: boolean
}

const giveItself = (kept: object): unknown => (kept instanceof Held ? kept.read() : kept)

/** `clone` copies on write and on read, `freeze` freezes what is written, `none` trusts everybody. */
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

/** What is told of a value that cannot be kept: it is not data, it is nested too deeply, or a getter of it threw. */
export function refusal(key: string, error: unknown): ValueError {
  const why = error instanceof RangeError ? 'it is nested too deeply.' : (error as Error | undefined)?.message
  return new ValueError(`Cannot write "${key}": ${why}`, { cause: error })
}
