import { CashewsError } from '@cashews/core'

/** A write by a call that outlived its transaction. It was not made. */
export class TransactionClosedError extends CashewsError {
  static override readonly name = 'TransactionClosedError'
  readonly code = 'CASHEWS_TRANSACTION_CLOSED'
}

/** Others changed what the transaction builds on. It was rolled back. */
export class TransactionConflictError extends CashewsError {
  static override readonly name = 'TransactionConflictError'
  readonly code = 'CASHEWS_TRANSACTION_CONFLICT'
}

/**
 * A lock was taken that the transaction may not wait for, because others might wait for its own: the function is run
 * again. Let it pass through the function.
 */
export class TransactionRestartError extends CashewsError {
  static override readonly name = 'TransactionRestartError'
  readonly code = 'CASHEWS_TRANSACTION_RESTART'
}

/** The store went away while it was committing, and did not come back to tell: all was written, or nothing. */
export class TransactionUnknownError extends CashewsError {
  static override readonly name = 'TransactionUnknownError'
  readonly code = 'CASHEWS_TRANSACTION_UNKNOWN'
}

/** Of several stores, or parts of one, some committed before another refused, or one went away while it was committing. */
export class TransactionPartialError extends CashewsError {
  static override readonly name = 'TransactionPartialError'
  readonly code = 'CASHEWS_TRANSACTION_PARTIAL'
  /** The keys that were written or deleted, as their stores know them. */
  readonly committed: readonly string[]
  /** Those that were not, or of which it is not known. */
  readonly failed: readonly string[]

  constructor(committed: readonly string[], failed: readonly string[], cause: unknown) {
    super(
      `Committed ${listed(committed)}, but not ${listed(failed)}: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    )
    this.committed = committed
    this.failed = failed
  }
}

/** A key that cannot be changed in one step with those before, because it lives in another part of the store. */
export class CrossSlotError extends CashewsError {
  static override readonly name = 'CrossSlotError'
  readonly code = 'CASHEWS_CROSS_SLOT'
}

function listed(keys: readonly string[]): string {
  if (keys.length === 0) return 'nothing for certain'
  const shown = keys.slice(0, 5).map((key) => `"${key}"`)
  return keys.length > 5 ? `${shown.join(', ')} and ${keys.length - 5} more` : shown.join(', ')
}
