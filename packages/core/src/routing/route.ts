import {
  type Backend,
  type BitReader,
  MISS,
  type Milliseconds,
  type Moment,
  type RemovalReason,
  type Spot,
} from '../backend.ts'
import { type Awaitable, chain, recover } from '../basics/awaitable.ts'
import { neutralAnswer, perform } from '../calls/commands.ts'
import type { Answer, Call, CallOf, Command, CommandResults, Request, StreamCommand } from '../command.ts'
import { BackendError } from '../errors.ts'
import type { LoadCall } from '../loads/flight.ts'
import { type Lease, type Leases, leasesOf, UNPROVEN } from '../loads/lease.ts'
import {
  begin,
  beginsLoad,
  expectProof,
  getWithLease,
  isTooLate,
  setWithLease,
  watchesLoads,
} from '../loads/leasing.ts'
import { compose, type Middleware, type Next } from '../middleware.ts'
import type { AnsweringBackend, Guard, Guarded, GuardOptions } from '../outages/guard.ts'
import type { Door } from '../scope/participation.ts'
import { watchedScope } from '../scope/scope.ts'
import type { Tagging } from '../tagging.ts'
import type { Listeners } from '../watching/listeners.ts'
import type { ResolvedSetup } from './setup.ts'
import { type Occupant, Tenancy } from './tenancy.ts'

/** What a route shares with the others of its cache. */
export interface RouteOwner {
  /** The cache, which may disable commands. */
  readonly cache: object
  readonly listeners: Listeners
  readonly report: (error: unknown) => void
}

/** The commands that replace reads inside `invalidateFurther`. */
const INSTEAD: { readonly [C in Command]?: Command } = { get: 'delete', getMany: 'deleteMany', getMatch: 'deleteMatch' }

function isOnlooker(middleware: Middleware): boolean {
  return middleware.isOnlooker === true
}

/** The store for a direct call; `undefined` inside a scope that may affect commands. */
function unwatched<S extends Backend>(store: S | undefined): S | undefined {
  return watchedScope() === undefined ? store : undefined
}

function promised(value: unknown): Promise<unknown> | undefined {
  return value === MISS ? undefined : Promise.resolve(value)
}

type SingleCall = Exclude<Call, CallOf<StreamCommand>>
type Immediate = Backend & Required<Pick<Backend, 'getNow'>>

/** The way from a key prefix through middlewares and a guard to a backend. */
export class Route implements Guarded, Occupant, Door {
  readonly prefix: string
  /** The store, with tags. */
  backend: Backend
  /** The store as it was set up, before {@link useTags}. */
  readonly origin: Backend
  /** The middlewares before the store, the outermost first. */
  middlewares: readonly Middleware[]
  readonly disabled: Set<Command>
  readonly error: (error: unknown) => void
  /** How many reads the store answered at once, bypassing the middlewares. */
  hitsAtHand = 0
  readonly #own: readonly Middleware[]
  readonly #owner: RouteOwner
  readonly #bounds: GuardOptions
  #guard: Guard | undefined
  readonly #leases: Leases
  #handler: Next
  #tenancy = new Tenancy(this)
  /** The store, if it has values in this process and nothing on the way has to see the reads. */
  #immediate: Immediate | undefined
  /** The store, if it has `getFor` and nothing on the way has to see the reads. */
  #answering: AnsweringBackend | undefined
  /** The store, if nothing on the way has to see any call. */
  #plain: Backend | undefined
  /** The last moment that was handed out. It ends when anything on the way to the store changes, such as a listener. */
  #moment: Moment | undefined

  constructor({ prefix, backend, middlewares, guard, disabled }: ResolvedSetup, owner: RouteOwner) {
    this.prefix = prefix
    this.origin = backend
    this.backend = backend
    this.disabled = new Set(disabled)
    this.#own = middlewares
    this.middlewares = middlewares
    this.#owner = owner
    this.error = owner.report
    this.#bounds = guard
    this.#guard = this.backend.guard?.(this, guard)
    this.#leases = leasesOf(backend)
    this.#handler = this.#last
  }

  get name(): string {
    return this.backend.name
  }

  get isOpen(): boolean {
    return this.#tenancy.isOpen
  }

  get isClosed(): boolean {
    return this.#tenancy.isClosed
  }

  // Wiring

  /** Tells the store that tags are used. Ties it to the store of their records, if those are not beside the values. */
  useTags({ records, tie }: Tagging): void {
    if (records !== undefined && this.origin.tags !== false) {
      this.backend = tie(this.origin)
      this.#guard ??= this.backend.guard?.(this, this.#bounds)
      this.settle()
    }
    if (this.backend.tags) this.backend.tags.begin?.()
  }

  /**
   * Puts the middlewares of the whole cache before this route's own. Loads under way are not stored: a new middleware may
   * rename keys, so that an invalidation would miss them.
   */
  share(middlewares: readonly Middleware[]): void {
    this.#leases.breakAll()
    this.middlewares = [...middlewares, ...this.#own]
    this.#handler = compose(this.middlewares, this.#last)
    this.settle()
  }

  /** Decides which shortcuts to the store may be used. Called whenever anything on the way has changed. */
  settle(): void {
    const { backend, middlewares, disabled, isOpen } = this
    const { listeners } = this.#owner
    const isBare = isOpen && middlewares.length === 0
    const reads = isOpen && middlewares.every(isOnlooker) && !disabled.has('get') && !listeners.has('get')
    this.#moment?.end()
    this.#immediate = reads && backend.getNow ? (backend as Immediate) : undefined
    this.#answering = reads && isBare && this.#guard && backend.getFor ? (backend as AnsweringBackend) : undefined
    this.#plain = isBare && disabled.size === 0 && !listeners.hearCommands && !this.#guard ? backend : undefined
  }

  // Shortcuts: they bypass the middlewares, and are open only while nothing has to see the call

  /** Whether the store may answer reads at once, bypassing the middlewares. */
  get answersNow(): boolean {
    return this.#immediate !== undefined
  }

  /** The value, if it is in this process and nothing on the way has to see the read; `MISS` otherwise. */
  getNow(key: string): unknown {
    const store = unwatched(this.#immediate)
    if (store === undefined) return MISS
    const now = store.getNow(key)
    if (now !== MISS) this.hitsAtHand++
    return now
  }

  /** A promise of what {@link getNow} finds; `undefined` otherwise. */
  answerNow(key: string, spot?: Spot): Promise<unknown> | undefined {
    const store = unwatched(this.#immediate)
    if (store === undefined) return undefined
    const answer = store.answerNow ? store.answerNow(key, spot) : promised(store.getNow(key))
    if (answer !== undefined) this.hitsAtHand++
    return answer
  }

  /** The moment that the store is in, unless anything on the way has to see the reads. */
  momentNow(key: string): Moment | undefined {
    const store = unwatched(this.#immediate)
    if (store === undefined) return undefined
    this.#moment = store.momentNow?.(key)
    return this.#moment
  }

  /** The bits of a key, if they are in this process and nothing on the way has to see the read. */
  bitsNow(key: string): BitReader | undefined {
    const bits = unwatched(this.#plain)?.bits
    return bits && bits.now ? bits.now(key) : undefined
  }

  /** Reads by `getFor`; `undefined` if the store does not have it, or anything on the way has to see the read. */
  askFor(key: string, fallback: unknown): Promise<unknown> | undefined {
    const store = unwatched(this.#answering)
    return store && this.#guard?.get(key, fallback, store)
  }

  // Calls

  /** Sends a call through the middlewares to the store, unless its command is disabled. */
  dispatch<C extends Exclude<Command, StreamCommand>>(request: Request<C>): Answer<C> {
    const call = this.#callOf<C>(request)
    if (unwatched(this.#plain)) return this.#last(call) as Answer<C>
    if (this.isDisabled(call.command) && !beginsLoad(call)) return neutralAnswer(call) as CommandResults[C]
    const answer = this.#handler(call) as Answer<C>
    if (!this.#owner.listeners.has(call.command)) return answer
    return chain(answer, (result) => this.#tell(call, result)) as Answer<C>
  }

  /** Sends a read. */
  read(key: string): Answer<'get'> {
    const store = unwatched(this.#plain)
    return store ? store.get(key) : this.dispatch<'get'>({ command: 'get', key })
  }

  /** Sends an addition to a counter. */
  count(spot: Spot, by: number, lifetime: Milliseconds): Answer<'incr'> {
    const { key } = spot
    const store = unwatched(this.#plain)
    if (store && this.#leases.isIdle) return store.incr(key, by, lifetime, spot)
    return this.dispatch<'incr'>({ command: 'incr', key, by, lifetime })
  }

  /** Sends a call whose answer is a stream. */
  async *stream(request: Request<StreamCommand>): AsyncGenerator<unknown> {
    const call = this.#callOf(request)
    if (this.isDisabled(call.command)) return
    yield* (await this.#handler(call)) as AsyncIterable<unknown>
    this.#tell(call, undefined)
  }

  isDisabled(command: Command): boolean {
    if (this.disabled.has(command)) return true
    for (const { owner, commands } of watchedScope()?.disabling ?? [])
      if (owner === this.#owner.cache && commands.has(command)) return true
    return false
  }

  // Loads

  /** Sends the read of a load, which takes its lease on the way. */
  look({ key, spot }: LoadCall, lease: Lease, leaseOnly: boolean): Answer<'get'> {
    const store = unwatched(this.#plain)
    if (store && !leaseOnly && !lease.tags && !store.leases) {
      this.#leases.take(key, lease)
      return store.get(key, spot)
    }
    const { backend } = this // set from the start, because a property added later would change the object's shape
    const request = { command: 'get', backend, key, lease, spot, leaseOnly, tags: lease.tags } as const
    return this.dispatch<'get'>(request)
  }

  /** Sends the write of a load. */
  store(key: string, value: unknown, lifetime: Milliseconds, lease: Lease, tags?: readonly string[]): Answer<'set'> {
    const store = unwatched(this.#plain)
    if (!store || tags || store.leases)
      return this.isClosed ? false : this.dispatch<'set'>({ command: 'set', key, value, lifetime, lease, tags })
    if (lease.broken) return false
    this.#leases.breakOlder(lease)
    return store.set(key, value, lifetime)
  }

  /** Takes the lease of a load: now, if its read has passed the middlewares, otherwise once it has. */
  take(lease: Lease): void {
    lease.isDue = true
    if (lease.key !== undefined && lease.among === undefined) this.#leases.take(lease.key, lease)
  }

  /** Takes the store's lease for a load that begins although a value was found, or without reading. */
  takeLease(lease: Lease): Awaitable<unknown> {
    const { key, tags } = lease
    if (key === undefined) return
    const call = this.#callOf<'get'>({ command: 'get', key, lease, leaseOnly: true, tags } as Request<'get'>)
    if (!watchesLoads(call.backend, tags)) return
    const unproven = () => {
      lease.token ??= UNPROVEN
    }
    return chain(
      recover(() => this.#carry(call), this.error),
      unproven,
    )
  }

  /** Whether a load is still valid: as far as the store knows, no process has invalidated its key. */
  holds({ key, token, isKept }: Lease): Awaitable<boolean> {
    if (key === undefined || token === undefined || token === UNPROVEN || isKept) return true
    const call = this.#callOf<'get'>({ command: 'get', key } as Request<'get'>)
    const { leases, tags } = call.backend
    const ask = () => (leases ? leases.holds(key, token) : !tags || !tags.holds || tags.holds(token))
    // If the store is unreachable, nothing is known against the load.
    return recover(
      () => chain(this.ask<unknown>(call, ask), (held) => held !== false),
      (error) => {
        this.error(error)
        return true
      },
    )
  }

  // Opening and closing

  /** Connects, once for all concurrent callers. */
  ready(): Awaitable<void> {
    return this.#tenancy.ready()
  }

  /** Connects, even after {@link close}. If the store is unreachable, that is reported, and the first command tries again. */
  async init(): Promise<void> {
    this.#tenancy.renew()
    try {
      await (this.#guard ? this.#guard.open(this.ready()) : this.ready())
    } catch (error) {
      if (!this.#bounds.suppress || !(error instanceof BackendError)) throw error
      this.error(error)
    }
  }

  /** Replaces the route of the same prefix. Closes the store of that one, unless both have the same store. */
  async replace(before: Route): Promise<void> {
    if (before.origin !== this.origin) {
      before.#tenancy.isReplaced = before.#bounds.suppress
      return before.close()
    }
    this.#tenancy = before.#tenancy
    this.#tenancy.host = this
    this.#tenancy.renew()
    this.settle()
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.#guard?.stop()
    await this.#tenancy.close()
  }

  // For the views of transactions, and for calls behind the middlewares

  ask<T>(call: Call, perform: () => Awaitable<T>, matters?: boolean): Awaitable<T> {
    if (this.#tenancy.isReplaced && !matters) {
      if (beginsLoad(call)) call.lease.broken = true // This route will not hear of changes of the key any more.
      return neutralAnswer(call) as T
    }
    const send = () => (this.isOpen ? perform() : chain(this.ready(), perform))
    return this.#guard ? (this.#guard.run(call, send, matters) as Awaitable<T>) : send()
  }

  askStream<T>(call: Call, source: () => AsyncIterable<T> | Iterable<T>): AsyncIterable<T> {
    const tenancy = this.#tenancy
    const opened = async function* (): AsyncGenerator<T> {
      if (tenancy.isReplaced) return
      await tenancy.ready()
      yield* source()
    }
    return this.#guard ? this.#guard.stream(call, opened) : opened()
  }

  // For the store and its guard

  /** Listeners hear of it later: the store is in the middle of a step, of which they must not see half, nor write in between. */
  removed(key: string, reason: RemovalReason): void {
    const { listeners } = this.#owner
    if (listeners.has('removed'))
      queueMicrotask(() => listeners.emit('removed', { key, reason, backend: this.backend }))
  }

  reach(act: (backend: Backend) => Awaitable<unknown>): Awaitable<unknown> {
    return chain(this.ready(), () => act(this.backend))
  }

  unavailable(error: unknown): void {
    this.#owner.listeners.emit('unavailable', { backend: this.backend, error })
  }

  available(): void {
    this.#owner.listeners.emit('available', { backend: this.backend })
  }

  // The way of a call

  /** Turns a request into a call by adding the backend. The object of the request must not be used for anything else. */
  #callOf<C extends Command>(request: Request<C>): CallOf<C> & Call {
    const call = request as unknown as { -readonly [P in 'backend']: Backend }
    const transaction = watchedScope()?.transaction
    call.backend = transaction === undefined ? this.backend : transaction.backendFor(this, request.command)
    return call as CallOf<C> & Call
  }

  /** What comes after the middlewares: leases, opening the store, and its guard. */
  readonly #last: Next = (call) => {
    const instead = watchedScope()?.invalidating && INSTEAD[call.command]
    if (instead) return this.#drop(call, instead)
    if (call.command === 'scan' || call.command === 'getMatch') return this.#lastStream(call)
    this.#leasesFor(call).breakFor(call)
    return this.#takesLeaseOnly(call) ? this.#dropped(call) : this.#carry(call)
  }

  /** Sends a call to the store through its guard, after opening it if necessary. */
  #carry(call: SingleCall): Awaitable<unknown> {
    if (this.#isInside(call) || (this.isOpen && !this.#guard)) return this.#perform(call)
    if (this.#guard && beginsLoad(call)) expectProof(call)
    if (isTooLate(call)) return false // bypasses the guard, which would take this for an answer of the store
    return this.ask(call, () => this.#perform(call))
  }

  /** Inside `invalidateFurther`: deletes what a read would have found. */
  #drop(call: Call, instead: Command): unknown {
    const drop = () => this.#last({ ...call, command: instead } as Call)
    if (call.command === 'getMatch') return this.#lastStream(call, drop)
    return chain(drop(), () => this.#dropped(call))
  }

  /** Whether a call goes to a transaction's view, which sends its own calls by {@link ask}. */
  #isInside(call: Call): boolean {
    return call.backend !== this.backend
  }

  #leasesFor(call: Call): Leases {
    return this.#isInside(call) ? leasesOf(call.backend) : this.#leases
  }

  /** The answer of a read that is not performed: a miss. If it is the read of a load, the lease is taken. */
  #dropped(call: Call): unknown {
    if (!beginsLoad(call)) return neutralAnswer(call)
    begin(call, this.#leasesFor(call))
    return chain(this.#proveUnread(call.lease), () => neutralAnswer(call))
  }

  /** Takes the store's lease for a load that begins without reading, unless its result will not be stored anyway. */
  #proveUnread(lease: Lease): Awaitable<unknown> {
    if (!this.isDisabled('set')) return this.takeLease(lease)
    lease.token = UNPROVEN
  }

  /** Whether a call begins a load without asking the store. */
  #takesLeaseOnly(call: Call): boolean {
    if (!beginsLoad(call)) return false
    if (this.isDisabled('get')) return true
    return call.leaseOnly === true && !watchesLoads(call.backend, call.tags)
  }

  #lastStream(call: CallOf<StreamCommand>, drop?: () => unknown): unknown {
    const source = async function* (): AsyncGenerator<unknown> {
      if (drop) await drop()
      else yield* perform(call) as AsyncIterable<unknown>
    }
    return this.#isInside(call) ? source() : this.askStream(call, source)
  }

  #perform(call: SingleCall): Awaitable<unknown> {
    if (beginsLoad(call)) return getWithLease(call, this.#leasesFor(call))
    if (call.command === 'set' && call.lease) return setWithLease(call, call.lease)
    return perform(call)
  }

  /** Tells the listeners of a command what it answered, and returns that. */
  #tell(call: Call, answer: unknown): unknown {
    const hit = answer !== MISS
    const told = {
      ...call,
      backend: this.backend,
      result: hit ? answer : undefined,
      ...(call.command === 'get' && { hit }),
    }
    this.#owner.listeners.emit(call.command, told as never)
    return answer
  }
}
