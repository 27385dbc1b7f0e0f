import { type Backend, MISS, type Milliseconds } from '../backend.ts'
import { type Awaitable, isPending } from '../basics/awaitable.ts'
import { outsideRequests } from '../basics/outside-requests.ts'
import { neutralAnswer } from '../calls/commands.ts'
import type { Call, Command } from '../command.ts'
import { BackendError, BackendUnavailableError, CashewsError } from '../errors.ts'
import { Deadline, type Waiting } from './deadline.ts'
import { Deadlines } from './deadlines.ts'
import { carryOut, type Invalidation } from './owed.ts'
import { type CallJudge, PendingCall } from './pending-call.ts'
import { Repeater, type Repeating } from './repeater.ts'

/** How long a store may keep a caller waiting, and whether the caller gets the errors of the store. */
export interface GuardOptions {
  /** Whether store errors become neutral answers, as if the cache were empty. */
  readonly suppress: boolean
  /** How long a read may take, for each 1,000 keys. {@link SetupOptions} has the default: 100 ms. */
  readonly readTimeout: Milliseconds
  /** How long a write may take, for each 1,000 keys. {@link SetupOptions} has the default: 250 ms. */
  readonly writeTimeout: Milliseconds
}

/** What the guard needs of the route it stands in. */
export interface Guarded {
  /** For messages. */
  readonly name: string
  /** Whether the cache has closed the store: then no failure counts. */
  readonly isClosed: boolean
  /** Connects if necessary, and calls `act` with the store. */
  reach(act: (backend: Backend) => Awaitable<unknown>): Awaitable<unknown>
  /** Takes an error that no caller gets. */
  error(error: unknown): void
  /** Called when the store is no longer used, after the error was reported. */
  unavailable(error: unknown): void
  /** Called when the store answers again. */
  available(): void
}

const OPEN_TIMEOUT: Milliseconds = 5_000
const PROBE_INTERVAL: Milliseconds = 250
const REPORT_INTERVAL: Milliseconds = 1_000
const FAILURES_TO_SKIP = 2

/** A store that has `getFor`. */
export type AnsweringBackend = Backend & Required<Pick<Backend, 'getFor'>>

/** Stands between a cache and a store that may become unreachable. */
export interface Guard {
  /** Performs a call with a deadline. A failure that `matters` is thrown even if errors are suppressed. */
  run(call: Call, perform: () => Awaitable<unknown>, matters?: boolean): Awaitable<unknown>
  /** Reads by {@link Backend.getFor} with a deadline. Resolves to `fallback` on a miss. */
  get(key: string, fallback: unknown, store: AnsweringBackend): Promise<unknown>
  /** Performs a stream, with a deadline for each step. */
  stream<T>(call: Call, source: () => AsyncIterable<T> | Iterable<T>): AsyncIterable<T>
  /** Waits for the store to connect, 5 seconds at most. */
  open(opening: Awaitable<void>): Promise<void>
  /** Repeats now what the store may not have heard of: a part of it that was away is back. */
  repeat(): void
  /** Stops the probing and the timers. */
  stop(): void
}

/**
 * Makes the {@link Guard} of a store that may become unreachable, as the `guard` of its {@link Backend}.
 *
 * @param isPartlyThere For a store on several servers that watches each of them itself: whether some of them may still answer,
 * so that one that does not is no reason to skip them all. @default () => false
 */
export function guard(store: Guarded, options: GuardOptions, isPartlyThere: () => boolean = never): Guard {
  return new StoreGuard(store, options, isPartlyThere)
}

function never(): boolean {
  return false
}

function ping(backend: Backend): Awaitable<string> {
  return backend.ping('probe')
}

/**
 * Keeps a store in trouble from slowing down its callers. Every command has a deadline. After two failures in a row, the store
 * is skipped until a probe in the background succeeds. Each outage is reported once.
 */
class StoreGuard implements Guard, CallJudge, Repeating {
  readonly #store: Guarded
  readonly #suppress: boolean
  readonly #isPartlyThere: () => boolean
  readonly #deadlines: Deadlines
  readonly #open = new Deadline(OPEN_TIMEOUT)
  #failures = 0
  /** Whether the first of the failures was reported. */
  #isReported = false
  /** The error that started the last outage. */
  #outage: BackendUnavailableError | undefined
  #lastReport = Number.NEGATIVE_INFINITY
  #probing: NodeJS.Timeout | undefined
  readonly #repeater = new Repeater(this)

  constructor(store: Guarded, { suppress, readTimeout, writeTimeout }: GuardOptions, isPartlyThere: () => boolean) {
    this.#store = store
    this.#isPartlyThere = isPartlyThere
    this.#suppress = suppress
    this.#deadlines = new Deadlines(readTimeout, writeTimeout)
  }

  run(call: Call, perform: () => Awaitable<unknown>, matters = call.command === 'ping'): Awaitable<unknown> {
    if (this.#probing) return this.#skip(call, matters)
    try {
      const answer = perform()
      if (isPending(answer)) return this.#await(call, answer, matters)
      this.succeeded(call)
      return answer
    } catch (error) {
      return this.failed(call, error, matters)
    }
  }

  get(key: string, fallback: unknown, backend: AnsweringBackend): Promise<unknown> {
    const call: Call = { command: 'get', key, backend }
    return new Promise((resolve, reject) => {
      const pending = new PendingCall(this, call, false, fallback, resolve, reject)
      if (this.#probing) return pending.answer(this.#skip(call, false))
      pending.begin()
      backend.getFor(key, pending)
    })
  }

  async *stream<T>(call: Call, source: () => AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
    const iterable = source()
    const iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]()
    const step = () => iterator.next() as Awaitable<IteratorResult<T>>
    let between = false
    try {
      for (;;) {
        between = false
        const next = (await this.run(call, step)) as IteratorResult<T> | object
        if (!('value' in next) || next.done) return
        between = true
        yield next.value
      }
    } finally {
      // Not after a failed step: if that step hangs, this would hang too.
      if (between) await iterator.return?.()
    }
  }

  get isAway(): boolean {
    return this.#probing !== undefined
  }

  open(opening: Awaitable<void>): Promise<void> {
    this.#repeater.restart()
    return this.#within(opening, this.#open, 'open')
  }

  repeat(): void {
    this.#repeater.back()
  }

  stop(): void {
    clearTimeout(this.#probing)
    this.#probing = undefined
    this.#failures = 0
    this.#deadlines.stop()
    this.#open.stop()
  }

  /** Waits for an answer until its deadline. `Promise.race` would cost two thirds more. */
  #await(call: Call, answer: Promise<unknown>, matters: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const pending = new PendingCall(this, call, matters, MISS, resolve, reject)
      pending.begin()
      answer.then(
        (value) => pending.found(value),
        (error) => pending.failed(error),
      )
    })
  }

  succeeded(call: Call): void {
    this.#failures = 0
    this.#repeater.heed(call)
  }

  /** Returns the answer of an empty cache, or throws if errors are not suppressed. */
  failed(call: Call, thrown: unknown, matters: boolean): unknown {
    const error = this.#asStoreError(thrown)
    if (!(error instanceof BackendError)) throw error
    this.#repeater.note(call)
    const isSwallowed = this.#suppress && !matters
    if (error instanceof BackendUnavailableError) this.#noteFailure(error, isSwallowed)
    else if (isSwallowed) this.#reportNowAndThen(error)
    if (!isSwallowed) throw error
    return neutralAnswer(call)
  }

  /** Wraps an error that the store did not classify: it counts as a fault of the store. */
  #asStoreError(error: unknown): CashewsError {
    if (error instanceof CashewsError) return error
    const why = error instanceof Error ? error.message : String(error)
    return new BackendError(`${this.#store.name} failed: ${why}`, { cause: error, isUndone: false })
  }

  tooLate({ command }: Call, { timeout }: Deadline): BackendError {
    return this.#late(command, timeout, this.#isPartlyThere() ? BackendError : BackendUnavailableError)
  }

  deadline(call: { readonly command: Command }): Deadline {
    return this.#deadlines.of(call)
  }

  /** Waits with a deadline for the store to connect or to answer a probe. */
  #within<T>(answer: Awaitable<T>, deadline: Deadline, what: string): Promise<T> {
    if (!isPending(answer)) return Promise.resolve(answer)
    return new Promise<T>((resolve, reject) => {
      // Missing the long deadline of a bulk command means that there are too many keys, not that the store is unreachable.
      const Kind = deadline === this.#deadlines.bulk ? BackendError : BackendUnavailableError
      const waiting: Waiting = { turn: undefined, late: () => reject(this.#late(what, deadline.timeout, Kind)) }
      deadline.begin(waiting)
      answer.then(resolve, reject).then(() => deadline.end(waiting))
    })
  }

  /** Answers a call without asking the store. */
  #skip(call: Call, matters: boolean): unknown {
    this.#repeater.note(call)
    if (this.#suppress && !matters) return neutralAnswer(call)
    const { name } = this.#store
    throw new BackendUnavailableError(`${name} is unavailable: ${this.#outage?.message}`, { cause: this.#outage })
  }

  #late(what: string, timeout: Milliseconds, Kind: typeof BackendError): BackendError {
    return new Kind(`${this.#store.name} did not answer "${what}" within ${timeout} ms.`, { isUndone: false })
  }

  /** Counts a failure. The first one of an outage is reported, as there may be no second call. */
  #noteFailure(error: BackendUnavailableError, isSwallowed: boolean): void {
    if (this.#store.isClosed) return
    if (++this.#failures === 1) this.#isReported = isSwallowed && this.#reportNowAndThen(error)
    if (this.#failures < FAILURES_TO_SKIP || this.#probing) return
    this.#outage = error
    if (!this.#isReported) this.#store.error(error)
    this.#store.unavailable(error)
    this.#probeLater()
  }

  #probeLater(): void {
    this.#probing = outsideRequests(() => setTimeout(() => void this.#probe(), PROBE_INTERVAL).unref())
  }

  async #probe(): Promise<void> {
    const armed = this.#probing
    const isBack = await this.#isBack().catch(() => false)
    if (this.#probing !== armed) return
    if (this.#store.isClosed) return this.stop() // together with the route that has replaced this one
    if (!isBack) return this.#probeLater()
    this.stop()
    this.#store.available()
    this.#repeater.later() // what was refused, or came while the rest was repeated
  }

  /** Whether the store answers, and has heard what is owed. One that refuses an invalidation is there all the same. */
  async #isBack(): Promise<boolean> {
    await this.#within(this.#store.reach(ping), this.#deadlines.write, 'ping')
    return this.#repeater.now().then(
      () => true,
      (error) => !(error instanceof BackendUnavailableError),
    )
  }

  async carryOut(call: Invalidation): Promise<void> {
    try {
      const repeated = this.#store.reach((backend) => carryOut(call, backend))
      await this.#within(repeated, this.deadline(call), call.command)
    } catch (error) {
      throw this.#asStoreError(error)
    }
  }

  lost(count: number): void {
    const { name } = this.#store
    this.#store.error(
      new BackendError(
        `${count} invalidations were lost while ${name} was away, and old values may be answered: clear the cache.`,
      ),
    )
  }

  /** Reports an error, unless one was reported less than a second ago. Returns whether it did. */
  #reportNowAndThen(error: BackendError): boolean {
    const now = performance.now()
    if (now - this.#lastReport < REPORT_INTERVAL) return false
    this.#lastReport = now
    this.#store.error(error)
    return true
  }
}
