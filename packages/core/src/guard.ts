import { type Awaitable, isPending } from './awaitable.ts'
import { type Backend, MISS, type Milliseconds } from './backend.ts'
import type { Call, CallOf, Command } from './command.ts'
import { neutralAnswer } from './commands.ts'
import { Deadline, type Waiting } from './deadline.ts'
import { BackendError, BackendUnavailableError, CashewsError } from './errors.ts'
import { getOrMake } from './get-or-make.ts'
import { carryOut, Owed } from './owed.ts'
import { type CallJudge, PendingCall } from './pending-call.ts'
import { whenBack } from './when-back.ts'

/** How long a store may keep a caller waiting, and whether the caller gets its errors. */
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
  /** Connects if need be, and asks whether the store is well. */
  probe(): Awaitable<unknown>
  /** Carries out an invalidation that the store may not have heard of, once it is open. */
  repeat(invalidate: (backend: Backend) => Awaitable<unknown>): Awaitable<unknown>
  /** Takes an error that no caller gets. */
  report(error: unknown): void
  /** Called when the store is not asked any more. The error was reported. */
  unavailable(error: unknown): void
  /** Called when the store answers again. */
  available(): void
}

const READS: ReadonlySet<Command> = /* @__PURE__ */ new Set<Command>([
  'get',
  'getMany',
  'getRaw',
  'getMatch',
  'scan',
  'exists',
  'getExpire',
  'getSize',
  'isLocked',
  'getBits',
  'getTags',
  'ping',
])
/** Their time grows with the number of keys in the store. */
const BULK: ReadonlySet<Command> = /* @__PURE__ */ new Set<Command>(['clear', 'deleteMatch', 'getKeysCount'])
const BULK_TIMEOUT: Milliseconds = 60_000
/** Their time grows with the length of this list. */
const LISTS: { readonly [C in Command]?: keyof CallOf<C> } = {
  getMany: 'keys',
  setMany: 'entries',
  deleteMany: 'keys',
  getBits: 'indexes',
  incrBits: 'indexes',
  setAdd: 'members',
  setRemove: 'members',
  deleteTags: 'tags',
  expireTags: 'tags',
}
/** For how long an invalidation is repeated while the store is there, and refuses it. */
const REPEAT_PATIENCE: Milliseconds = 300_000
/** How often it is then asked at least. More often, and a Cluster without one of its nodes would lose what the others keep. */
const LONGEST_REPEAT_PAUSE: Milliseconds = 5_000
/** How long a list may be for the timeout of one command. */
const LISTED_PER_TIMEOUT = 1_000
const OPEN_TIMEOUT: Milliseconds = 5_000
const PROBE_INTERVAL: Milliseconds = 250
const REPORT_INTERVAL: Milliseconds = 1_000
const FAILURES_TO_SKIP = 2

/** A store that answers askers. */
export type AnsweringBackend = Backend & Required<Pick<Backend, 'getFor'>>

/** Stands between a cache and a store that can be away. */
export interface Guard {
  /** Performs a call with a deadline. A failure that `matters` is thrown even if errors are suppressed. */
  run(call: Call, perform: () => Awaitable<unknown>, matters?: boolean): Awaitable<unknown>
  /** Reads by {@link Backend.getFor} with a deadline. Resolves to `fallback` on a miss. */
  get(key: string, fallback: unknown, store: AnsweringBackend): Promise<unknown>
  /** Performs a stream, with a deadline for each step. */
  stream<T>(call: Call, source: () => AsyncIterable<T> | Iterable<T>): AsyncIterable<T>
  /** Waits for the store to connect, 5 seconds at most. */
  open(opening: Awaitable<void>): Promise<void>
  /** Stops the probing and the timers. */
  stop(): void
}

/**
 * Makes the {@link Guard} of a store that can be away: the `guard` of its {@link Backend}.
 *
 * @param isPartlyThere For a store on several servers that watches each of them itself: whether some of them may answer.
 * Then one that does not is no reason to skip them all. @default never
 */
export function guard(store: Guarded, options: GuardOptions, isPartlyThere: () => boolean = never): Guard {
  return new StoreGuard(store, options, isPartlyThere)
}

function never(): boolean {
  return false
}

/**
 * Keeps a sick store from slowing down its callers. Every command has a deadline. After two failures in a row, the store
 * is not asked until a probe in the background succeeds. Each outage is reported once.
 */
class StoreGuard implements Guard, CallJudge {
  readonly #store: Guarded
  readonly #suppress: boolean
  readonly #isPartlyThere: () => boolean
  readonly #read: Deadline
  readonly #write: Deadline
  readonly #bulk = new Deadline(BULK_TIMEOUT)
  /** Of commands with long lists, by their timeouts. */
  readonly #long = new Map<Milliseconds, Deadline>()
  readonly #open = new Deadline(OPEN_TIMEOUT)
  #failures = 0
  /** Whether the first of the failures was reported. */
  #isReported = false
  /** Why the store was last found to be away. */
  #outage: BackendUnavailableError | undefined
  #lastReport = Number.NEGATIVE_INFINITY
  #probing: NodeJS.Timeout | undefined
  /** Absent as long as no invalidation has failed. */
  #owed: Owed | undefined
  /** Until when what is owed is repeated in the background: a time of `performance.now()`. */
  #repeatingUntil: Milliseconds = 0

  constructor(store: Guarded, { suppress, readTimeout, writeTimeout }: GuardOptions, isPartlyThere: () => boolean) {
    this.#store = store
    this.#isPartlyThere = isPartlyThere
    this.#suppress = suppress
    this.#read = new Deadline(readTimeout)
    this.#write = new Deadline(writeTimeout)
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
      // Not after a failed step: if that one hangs, so would this.
      if (between) await iterator.return?.()
    }
  }

  open(opening: Awaitable<void>): Promise<void> {
    this.#repeatingUntil = 0 // what was under way has ended as the store was closed
    this.#repeatLater()
    return this.#within(opening, this.#open, 'open')
  }

  stop(): void {
    clearTimeout(this.#probing)
    this.#probing = undefined
    this.#failures = 0
    for (const deadline of [this.#read, this.#write, this.#bulk, this.#open, ...this.#long.values()]) deadline.stop()
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
    this.#owed?.heed(call)
  }

  /** Returns the answer of an empty cache, or throws if errors are not suppressed. */
  failed(call: Call, thrown: unknown, matters: boolean): unknown {
    const error = this.#asStoreError(thrown)
    if (!(error instanceof BackendError)) throw error
    this.#owe(call)
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
    const { command } = call
    if (BULK.has(command)) return this.#bulk
    const usual = READS.has(command) ? this.#read : this.#write
    const list = LISTS[command]
    return list === undefined ? usual : this.#forList(usual, call[list as 'command'] as unknown as readonly unknown[])
  }

  /** Doubled until it is long enough, so that there are few. */
  #forList(usual: Deadline, { length }: { readonly length: number }): Deadline {
    if (length <= LISTED_PER_TIMEOUT) return usual
    const timeout = usual.timeout * 2 ** Math.ceil(Math.log2(length / LISTED_PER_TIMEOUT))
    return getOrMake(this.#long, timeout, () => new Deadline(timeout))
  }

  /** Waits with a deadline for the store to connect or to answer a probe. */
  #within<T>(answer: Awaitable<T>, deadline: Deadline, what: string): Promise<T> {
    if (!isPending(answer)) return Promise.resolve(answer)
    return new Promise<T>((resolve, reject) => {
      // The keys are too many for a deadline that is as long as this, which does not mean that nobody answers.
      const Kind = deadline === this.#bulk ? BackendError : BackendUnavailableError
      const waiting: Waiting = { turn: undefined, late: () => reject(this.#late(what, deadline.timeout, Kind)) }
      deadline.begin(waiting)
      answer.then(resolve, reject).then(() => deadline.end(waiting))
    })
  }

  /** Answers a call without asking the store. */
  #skip(call: Call, matters: boolean): unknown {
    this.#owe(call)
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
    if (!this.#isReported) this.#store.report(error)
    this.#store.unavailable(error)
    this.#probeLater()
  }

  #probeLater(): void {
    this.#probing = setTimeout(() => void this.#probe(), PROBE_INTERVAL)
    this.#probing.unref()
  }

  async #probe(): Promise<void> {
    const armed = this.#probing
    const isBack = await this.#isBack().catch(() => false)
    if (this.#probing !== armed) return
    if (this.#store.isClosed) return this.stop() // together with the route that has replaced this one
    if (!isBack) return this.#probeLater()
    this.stop()
    this.#store.available()
    this.#repeatLater() // what was refused, or came while the rest was repeated
  }

  /** Whether the store answers, and has heard what is owed. One that refuses an invalidation is there all the same. */
  async #isBack(): Promise<boolean> {
    await this.#within(this.#store.probe(), this.#write, 'ping')
    return this.#repeat().then(
      () => true,
      (error) => !(error instanceof BackendUnavailableError),
    )
  }

  /** Notes an invalidation, which the store may not have heard of. */
  #owe(call: Call): void {
    const owed = this.#owed ?? new Owed()
    if (!owed.add(call)) return
    this.#owed = owed
    this.#repeatLater()
  }

  /** Repeats what is owed to a store that is there. One that is away is told by the probe that finds it back. */
  #repeatLater(): void {
    const now = performance.now()
    if (this.#owed === undefined || this.#probing || now < this.#repeatingUntil) return
    this.#repeatingUntil = now + REPEAT_PATIENCE
    const attempt = async () => {
      if (!this.#probing) await this.#repeat()
      this.#repeatingUntil = 0
      return true
    }
    whenBack(attempt, this.#repeatingUntil, LONGEST_REPEAT_PAUSE)
  }

  /** Repeats what is owed. What fails stays owed. */
  async #repeat(): Promise<void> {
    const owed = this.#owed
    this.#owed = undefined
    const calls = owed ? owed.take() : []
    let failure: CashewsError | undefined
    for (const call of calls)
      try {
        if (failure instanceof BackendUnavailableError) throw failure
        const repeated = this.#store.repeat((backend) => carryOut(call, backend))
        await this.#within(repeated, this.deadline(call), call.command)
      } catch (error) {
        failure = this.#asStoreError(error)
        this.#owed ??= owed
        this.#owed?.add(call)
      }
    if (failure) throw failure
    if (owed && owed.lost > 0) this.#store.report(tooMany(this.#store.name, owed.lost))
  }

  /** Reports an error, unless one was reported less than a second ago. Returns whether it did. */
  #reportNowAndThen(error: BackendError): boolean {
    const now = performance.now()
    if (now - this.#lastReport < REPORT_INTERVAL) return false
    this.#lastReport = now
    this.#store.report(error)
    return true
  }
}

function tooMany(name: string, lost: number): BackendError {
  return new BackendError(
    `${lost} invalidations were lost while ${name} was away, and old values may be answered: clear the cache.`,
  )
}
