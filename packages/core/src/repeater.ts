import type { Milliseconds } from './backend.ts'
import type { Call } from './command.ts'
import { BackendUnavailableError, type CashewsError } from './errors.ts'
import { type Invalidation, Owed } from './owed.ts'
import { whenBack } from './when-back.ts'

/** For how long an invalidation is repeated while the store is there, and refuses it. */
const PATIENCE: Milliseconds = 300_000
/** How often it is then asked at least. More often, and a Cluster without one of its nodes would lose what the others keep. */
const LONGEST_PAUSE: Milliseconds = 5_000

/** What a {@link Repeater} needs of the guard it works for. */
export interface Repeating {
  /** Whether the store is not asked for now. */
  readonly isAway: boolean
  /** Carries out an invalidation, within its deadline. @throws {CashewsError} */
  carryOut(call: Invalidation): Promise<void>
  /** Reports how many invalidations there was no room for. */
  lost(count: number): void
}

/** Repeats the invalidations that a store may not have heard of. */
export class Repeater {
  readonly #guard: Repeating
  readonly #owed = new Owed()
  /** Until when it is repeated in the background: a time of `performance.now()`. */
  #until: Milliseconds = 0

  constructor(guard: Repeating) {
    this.#guard = guard
  }

  /** Notes a call that failed, if it is an invalidation. */
  note(call: Call): void {
    if (this.#owed.add(call)) this.later()
  }

  /** Notes a call that the store has carried out. */
  heed(call: Call): void {
    this.#owed.heed(call)
  }

  /** Begins anew with a store that is opened: what was under way has ended as it was closed. */
  restart(): void {
    this.#until = 0
    this.later()
  }

  /** Repeats in the background. A store that is away is told by the probe that finds it back, which calls {@link now}. */
  later(): void {
    const now = performance.now()
    if (this.#owed.isEmpty || this.#guard.isAway || now < this.#until) return
    this.#until = now + PATIENCE
    const attempt = async () => {
      if (!this.#guard.isAway) await this.now()
      this.#until = 0
      return true
    }
    whenBack(attempt, this.#until, LONGEST_PAUSE)
  }

  /** Repeats all there is. What fails stays. @throws {CashewsError} The last failure. */
  async now(): Promise<void> {
    const owed = this.#owed
    let failure: CashewsError | undefined
    for (const call of owed.take())
      try {
        if (failure instanceof BackendUnavailableError) throw failure
        await this.#guard.carryOut(call)
      } catch (error) {
        failure = error as CashewsError
        owed.add(call)
      }
    if (failure) throw failure
    if (owed.lost > 0) this.#guard.lost(owed.lost)
    owed.lost = 0
  }
}
