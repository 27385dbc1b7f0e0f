/** What the function of a transaction can do with it. */
export interface TransactionControl {
  /**
   * Writes now what was written so far. What follows is committed at the end.
   *
   * @throws {TransactionClosedError} When it has ended. And whatever a commit throws.
   */
  commit(): Promise<void>
  /**
   * Forgets, at once, what was written so far. What follows is committed at the end.
   *
   * @throws {TransactionClosedError} When it has ended: what was committed stays.
   */
  rollback(): Promise<void>
}
