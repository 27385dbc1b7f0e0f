import { type Asker, MISS } from '../backend.ts'
import type { Call } from '../command.ts'
import type { BackendError } from '../errors.ts'
import type { Deadline, Turn, Waiting } from './deadline.ts'

/** Decides how long a call may take, and how failures are answered. */
export interface CallJudge {
  deadline(call: Call): Deadline
  succeeded(call: Call): void
  /** The answer of a call that failed; throws if errors are not suppressed. */
  failed(call: Call, thrown: unknown, matters: boolean): unknown
  /** The error of a call that was not answered by its deadline. */
  tooLate(call: Call, deadline: Deadline): BackendError
}

/** A call that waits for a store: it settles with the answer, the error or the deadline, whichever comes first. */
export class PendingCall implements Asker, Waiting {
  turn: Turn | undefined = undefined
  readonly #judge: CallJudge
  readonly #deadline: Deadline
  readonly #call: Call
  readonly #matters: boolean
  readonly #fallback: unknown
  readonly #resolve: (answer: unknown) => void
  readonly #reject: (error: unknown) => void

  /** @param fallback The answer of a miss. */
  constructor(
    judge: CallJudge,
    call: Call,
    matters: boolean,
    fallback: unknown,
    resolve: (answer: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#judge = judge
    this.#deadline = judge.deadline(call)
    this.#call = call
    this.#matters = matters
    this.#fallback = fallback
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(): void {
    this.#deadline.begin(this)
  }

  found(value: unknown): void {
    if (this.#deadline.end(this)) this.#judge.succeeded(this.#call)
    this.answer(value)
  }

  failed(error: unknown): void {
    if (this.#deadline.end(this)) this.#fail(error)
  }

  late(): void {
    this.#fail(this.#judge.tooLate(this.#call, this.#deadline))
  }

  answer(value: unknown): void {
    this.#resolve(value === MISS ? this.#fallback : value)
  }

  #fail(error: unknown): void {
    try {
      this.answer(this.#judge.failed(this.#call, error, this.#matters))
    } catch (thrown) {
      this.#reject(thrown)
    }
  }
}
