import type { TransactionMode } from '@cashews/transactions'
import * as fc from 'fast-check'

/** The functions of a history, by what is around them; `once` is `cached` with `lock: true`. */
const NAMES = ['cached', 'once', 'early', 'soft', 'hit', 'failover', 'getOrSet'] as const
export type Name = (typeof NAMES)[number]

const CHANGES = ['delete', 'deleteMany', 'deleteMatch', 'deleteTag', 'invalidate', 'set', 'incr'] as const

/** Which function, called with which id, and by which of the two caches. */
export interface Aim {
  readonly at: number
  readonly name: Name
  readonly id: string
}

export interface Change extends Aim {
  readonly change: (typeof CHANGES)[number]
}

/** What a user does, or what happens around, as data, so that a failure can be read and shrunk. */
type Deed =
  | (Aim & { readonly call: 'call' | 'detect' | 'refresh' | 'get' })
  | Change
  /** Begins a transaction that changes something. */
  | (Change & { readonly mode: TransactionMode })
  /** Ends one of the loads, or of the transactions, under way. */
  | { readonly end: 'load' | 'transaction'; readonly nth: number; readonly fails: boolean }
  | { readonly elapse: number }

/** A deed, and after how many turns of the microtask queue the next one follows; `Infinity`: when all is quiet. */
export type Step = Deed & { readonly pause: number }

const at = fc.constantFrom(0, 1)
const id = fc.constantFrom('1', '1', '2')
const change = fc.constantFrom(...CHANGES)
const mode = fc.constantFrom<TransactionMode[]>('fast', 'locked', 'serializable')
const call = fc.constantFrom('call' as const, 'call' as const, 'detect' as const, 'refresh' as const, 'get' as const)
const ending = { nth: fc.nat(3), fails: fc.constantFrom(false, false, true) }
const pause = fc.constantFrom(0, 0, 1, 2, 5, Infinity)

/** Random histories of a few functions, so that what is done concerns the same keys. */
export const histories: fc.Arbitrary<readonly Step[]> = fc
  .uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 2 })
  .chain((names) => {
    const aim = { at, name: fc.constantFrom(...names), id }
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ ...aim, call, pause }) },
      { weight: 3, arbitrary: fc.record({ ...aim, change, pause }) },
      {
        weight: 1,
        // A locked transaction keeps out no writer without a lock, so it may lose increments.
        arbitrary: fc
          .record({ ...aim, change, mode, pause })
          .filter((one) => one.change !== 'incr' || one.mode !== 'locked'),
      },
      { weight: 4, arbitrary: fc.record({ end: fc.constant('load' as const), ...ending, pause }) },
      { weight: 1, arbitrary: fc.record({ end: fc.constant('transaction' as const), ...ending, pause }) },
      { weight: 2, arbitrary: fc.record({ elapse: fc.constantFrom(0, 1, 4_000, 11_000), pause }) },
    )
    return fc.array<Step>(step, { minLength: 3, maxLength: 30, size: 'max' })
  })
