/** What the function of a transaction can do with it. */
export interface TransactionControl {
  /** Writes now what was written so far. What follows is committed at the end. */
  commit(): Promise<void>
  /** Forgets, at once, what was written so far. What follows is committed at the end. */
  rollback(): Promise<void>
}
