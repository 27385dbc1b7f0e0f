import { CashewsError } from '@cashews/core'

/** A command came after the end of its transaction. It was not carried out. */
export class TransactionClosedError extends CashewsError {
  static override readonly name = 'TransactionClosedError'
  readonly code = 'CASHEWS_TRANSACTION_CLOSED'
}

/** Others changed what the transaction depends on. It was rolled back. */
export class TransactionConflictError extends CashewsError {
  static override readonly name = 'TransactionConflictError'
  readonly code = 'CASHEWS_TRANSACTION_CONFLICT'
}

/**
 * Others hold a lock that the transaction must not wait for, because they may wait for one of its own: the function is
 * run again. Let this error pass through the function.
 */
export class TransactionRestartError extends CashewsError {
  static override readonly name = 'TransactionRestartError'
  readonly code = 'CASHEWS_TRANSACTION_RESTART'
}

/** The store went away during the commit and did not come back in time: either everything was written, or nothing. */
export class TransactionUnknownError extends CashewsError {
  static override readonly name = 'TransactionUnknownError'
  readonly code = 'CASHEWS_TRANSACTION_UNKNOWN'
}

/** Of several stores, or parts of one, some were committed before another failed, or one went away during the commit. */
export class TransactionPartialError extends CashewsError {
  static override readonly name = 'TransactionPartialError'
  readonly code = 'CASHEWS_TRANSACTION_PARTIAL'
  /** The keys that were written or deleted, as they are named in their stores. */
  readonly committed: readonly string[]
  /** The keys that were not, or for which it is unknown. */
  readonly failed: readonly string[]

  constructor(committed: readonly string[], failed: readonly string[], cause: unknown) {
    const written = listed(committed, 'nothing for certain')
    const why = cause instanceof Error ? cause.message : cause
    super(`Committed ${written}, but not ${listed(failed, 'the rest')}: ${why}`, { cause })
    this.committed = committed
    this.failed = failed
  }
}

/** A key is in another part of the store than those before, so that they cannot be changed in one step. */
export class CrossSlotError extends CashewsError {
  static override readonly name = 'CrossSlotError'
  readonly code = 'CASHEWS_CROSS_SLOT'
}

function listed(keys: readonly string[], none: string): string {
  if (keys.length === 0) return none
  const shown = keys.slice(0, 5).map((key) => `"${key}"`)
  return keys.length > 5 ? `${shown.join(', ')} and ${keys.length - 5} more` : shown.join(', ')
}
