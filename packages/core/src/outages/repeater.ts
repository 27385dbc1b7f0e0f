import type { Milliseconds } from '../backend.ts'
import type { Call } from '../command.ts'
import { BackendUnavailableError, type CashewsError } from '../errors.ts'
import { type Invalidation, Owed } from './owed.ts'
import { whenBack } from './when-back.ts'

/** How long an invalidation is repeated if the store answers but refuses it. */
const PATIENCE: Milliseconds = 300_000
/** The longest pause between two repetitions. A shorter one would delete too often what the healthy nodes of a Cluster store. */
const LONGEST_PAUSE: Milliseconds = 5_000

/** What a {@link Repeater} needs of the guard it works for. */
export interface Repeating {
  /** Whether the store is skipped at the moment. */
  readonly isAway: boolean
  /** Carries out an invalidation, within its deadline. @throws {CashewsError} */
  carryOut(call: Invalidation): Promise<void>
  /** Reports how many invalidations were lost because there was no room. */
  lost(count: number): void
}

/** Repeats the invalidations that a store may not have heard of. */
export class Repeater {
  readonly #guard: Repeating
  readonly #owed = new Owed()
  /** When to stop repeating in the background: a time of `performance.now()`. */
  #until: Milliseconds = 0
  /** How often a part of the store became reachable again. */
  #backs = 0

  constructor(guard: Repeating) {
    this.#guard = guard
  }

  /** Notes a call that failed, if it is an invalidation. */
  note(call: Call): void {
    if (this.#owed.add(call)) this.later()
  }

  /** Notes a call that succeeded. */
  heed(call: Call): void {
    this.#owed.heed(call)
  }

  /** Starts over with a store that is opened again: whatever was running ended when it was closed. */
  restart(): void {
    this.#until = 0
    this.later()
  }

  /** Repeats in the background. While the store is skipped, that is up to the probe, which calls {@link now}. */
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

  /** Repeats at once, because a part of the store is reachable again. */
  back(): void {
    this.#backs++
    this.#soon()
  }

  /** Repeats everything, and keeps what fails. @throws {CashewsError} The last failure. */
  async now(): Promise<void> {
    const owed = this.#owed
    let failure: CashewsError | undefined
    for (const call of owed.take()) {
      const backs = this.#backs
      try {
        if (failure instanceof BackendUnavailableError) throw failure
        await this.#guard.carryOut(call)
      } catch (error) {
        failure = error as CashewsError
        owed.add(call)
        // A part that came back during this call missed it, and nothing was owed at that moment.
        if (backs !== this.#backs) this.#soon()
      }
    }
    if (failure) throw failure
    if (owed.lost > 0) this.#guard.lost(owed.lost)
    owed.lost = 0
  }

  #soon(): void {
    if (!this.#guard.isAway) this.now().catch(() => this.later())
  }
}
