/** Given to the function of a transaction: commits or rolls back before its end. */
export interface TransactionControl {
  /**
   * Commits at once what was written so far. Later writes are committed at the end.
   *
   * @throws {TransactionClosedError} When the transaction has ended. Also what a commit at the end throws.
   */
  commit(): Promise<void>
  /**
   * Discards at once what was written so far. Later writes are committed at the end.
   *
   * @throws {TransactionClosedError} When the transaction has ended: what was committed stays.
   */
  rollback(): Promise<void>
}
