import { CashewsError } from '@cashews/core'

/** A filter was lost, in whole or in part: evicted, deleted or expired. Until it is filled again, it denies nothing. */
export class FilterLostError extends CashewsError {
  static override readonly name = 'FilterLostError'
  readonly code = 'CASHEWS_FILTER_LOST'

  constructor(name: string, why: string) {
    super(`The filter "${name}" cannot be relied on: ${why}. Fill it again with setMany(), from the first element on.`)
  }
}

/** A load stopped because the store did not take a batch. Continue with `from: error.done`. */
export class LoadStoppedError extends CashewsError {
  static override readonly name = 'LoadStoppedError'
  readonly code = 'CASHEWS_LOAD_STOPPED'
  /** How many elements are in the filter. */
  readonly done: number

  constructor(name: string, done: number) {
    super(
      `The store did not accept the elements after the first ${done} of the filter "${name}". Continue with from: ${done}.`,
    )
    this.done = done
  }
}
