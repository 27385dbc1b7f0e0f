import {
  type Awaitable,
  type Backend,
  BackendError,
  type Command,
  type Door,
  inTransaction,
  isPending,
  NotSupportedError,
  type Participation,
} from '@cashews/core'
import { commitAll } from './commit/commit.ts'
import type { TransactionControl } from './control.ts'
import {
  TransactionClosedError,
  TransactionConflictError,
  TransactionPartialError,
  TransactionRestartError,
  TransactionUnknownError,
} from './errors.ts'
import { type Claims, KeyLocks } from './locks/key-locks.ts'
import type { Settings } from './options.ts'
import { clock } from './view/held.ts'
import { View } from './view/view.ts'
import type { ViewHost } from './view/view-host.ts'

/** Locks coordinate with others outside, so they take effect at once; and a ping needs an answer of the store itself. */
const TAKE_NO_PART: ReadonlySet<Command> = /* @__PURE__ */ new Set<Command>(['setLock', 'unlock', 'isLocked', 'ping'])
/** A transaction does not know how its store encodes values. */
const CANNOT: ReadonlySet<Command> = /* @__PURE__ */ new Set<Command>(['getRaw', 'setRaw'])
const READS: ReadonlySet<Command> = /* @__PURE__ */ new Set<Command>([
  'get',
  'getMany',
  'getMatch',
  'scan',
  'exists',
  'getExpire',
  'getSize',
  'getKeysCount',
  'getBits',
  'getTags',
])

/** One run of a transaction's function. */
export class Run implements Participation, ViewHost {
  readonly clock: typeof clock = clock
  readonly remembers: boolean
  readonly checksReads: boolean
  readonly readsMatter: boolean
  readonly allowsRanges: boolean
  readonly allowsSlots: boolean
  readonly locks: KeyLocks | undefined
  /** Whether the function may run again, and might succeed then. */
  mayRunAgain = false
  /** The outcome, once the function has ended: after a rollback it is `rolled back`, whatever is written later. */
  outcome: 'committed' | 'rolled back' | 'failed' = 'committed'
  /** Whether `commit()` was called inside, so that the function must not run again. */
  #hasCommitted = false
  readonly #suppress: boolean
  readonly #around: Run | undefined
  readonly #views = new Map<Backend, View>()
  #isOver = false
  /** Settles when the commit or rollback under way has ended. */
  #busy: Promise<void> | undefined
  #releasing: Promise<unknown> | undefined
  #doom: Error | undefined

  constructor({ mode, timeout, phantoms, crossSlot, suppress }: Settings, deadline: number, around?: Run) {
    this.#around = around
    this.#suppress = suppress
    this.checksReads = mode === 'serializable' && !around
    this.remembers = mode !== 'fast' && !around
    this.readsMatter = mode === 'locked' && !around
    this.allowsRanges = !this.checksReads || phantoms
    this.allowsSlots = crossSlot === 'per-slot' || around !== undefined
    this.locks = this.readsMatter ? new KeyLocks(timeout, deadline, (error) => this.#fail(error)) : undefined
  }

  get isOver(): boolean {
    return this.#isOver
  }

  backendFor(door: Door, command: Command): Backend {
    if (TAKE_NO_PART.has(command)) return door.backend
    if (CANNOT.has(command))
      throw new NotSupportedError(`"${command}" cannot take part in a transaction. Run it with outsideTransaction().`)
    if (this.#isOver && READS.has(command)) return door.backend
    if (this.#isOver)
      throw new TransactionClosedError(
        `"${command}" comes after the end of its transaction. Await it inside, or run it with outsideTransaction().`,
      )
    return this.viewOf(door).backend
  }

  viewOf(door: Door): View {
    const found = this.#views.get(door.backend)
    if (found) return found
    const around = this.#around?.viewOf(door)
    const made = new View(around ? inside(around, door) : door, this, around)
    this.#views.set(door.backend, made)
    return made
  }

  claim(view: View, keys: readonly string[], inspects = false): Awaitable<void> {
    return this.#busy ? this.#busy.then(() => this.claim(view, keys, inspects)) : this.#claimNow(view, keys, inspects)
  }

  check(): void {
    if (this.#isOver) throw new TransactionClosedError('A command was still under way when its transaction ended.')
    if (this.#doom) throw this.#doom
    this.#around?.check()
    this.locks?.check()
  }

  /** Runs the function, and commits what it wrote. */
  async perform<T>(fn: (control: TransactionControl) => Awaitable<T>, before: () => Awaitable<unknown>): Promise<T> {
    try {
      const result = await inTransaction(this, async () => {
        await before()
        return fn({ commit: () => this.#commitInside(), rollback: () => this.#rollbackInside() })
      })
      this.check()
      this.#isOver = true
      await this.#commitLast()
      return result
    } catch (error) {
      this.#isOver = true
      await this.#rollback()
      if (this.#doom instanceof TransactionRestartError) this.mayRunAgain = !this.#hasCommitted
      throw this.#doom ?? error
    }
  }

  /** Locks the keys that an earlier run was known to need. */
  async claimAll(claims: Claims): Promise<void> {
    for (const [door, keys] of claims) await this.claim(this.viewOf(door), keys)
  }

  /** {@link TransactionControl.commit}. */
  async #commitInside(): Promise<void> {
    this.check()
    await this.#commit()
    this.#hasCommitted = true
    this.outcome = 'committed'
  }

  /** {@link TransactionControl.rollback}. */
  async #rollbackInside(): Promise<void> {
    if (this.#isOver) throw new TransactionClosedError('A transaction that has ended cannot be rolled back any more.')
    this.outcome = 'rolled back'
    return this.#rollback()
  }

  async #rollback(): Promise<void> {
    while (this.#busy) await this.#busy
    for (const view of this.#views.values()) view.discard()
    const releasing = this.#whenClaimed(() => this.#release(false))
    if (releasing) await this.#busyUntil(releasing)
  }

  #claimNow(view: View, keys: readonly string[], inspects: boolean): Awaitable<void> {
    this.check()
    if (this.#around) return view.around?.claim(keys, inspects)
    return this.locks?.claim(view, keys, inspects)
  }

  /** Makes the transaction fail, even if its function swallows the error of a lock. */
  #fail(error: Error): void {
    this.#doom ??= error
  }

  async #commitLast(): Promise<void> {
    try {
      await this.#commit()
    } catch (error) {
      if (error instanceof TransactionConflictError) this.mayRunAgain = this.checksReads && !this.#hasCommitted
      const [view] = this.#views.values()
      if (!this.#suppress || !isOfStore(error)) throw error
      view?.door.error(error)
      this.outcome = 'failed'
    }
  }

  async #commit(): Promise<void> {
    while (this.#busy) await this.#busy // One after the other: each frees the locks at its end.
    const act = async () => {
      let isFreed = false
      try {
        if (this.#doom) throw this.#doom
        await commitAll([...this.#views.values()], this.locks)
        isFreed = true
      } finally {
        await this.#release(isFreed)
      }
    }
    await this.#busyUntil(this.#whenClaimed(act))
  }

  /** Acts once no claim is under way: a lock taken later would never be freed, and be renewed forever. */
  #whenClaimed<R extends Promise<unknown> | undefined>(act: () => R): R | Promise<Awaited<R>> {
    const claiming = this.locks?.settle(this.#isOver)
    return claiming ? (claiming.then(act) as Promise<Awaited<R>>) : act()
  }

  /** Makes commands that come meanwhile wait. */
  async #busyUntil(work: Promise<unknown>): Promise<void> {
    const done = work.then(
      () => undefined,
      () => undefined,
    )
    this.#busy = done
    try {
      await work
    } finally {
      if (this.#busy === done) this.#busy = undefined
    }
  }

  #release(isFreed: boolean): Promise<unknown> | undefined {
    const { locks } = this
    if (!locks) return undefined
    const releasing = [...this.#views.values()].flatMap((view) => {
      const released = locks.release(view, isFreed)
      return isPending(released) ? [released.catch((error) => view.door.error(error))] : []
    })
    if (releasing.length > 0) this.#releasing = Promise.all([this.#releasing, ...releasing])
    return this.#releasing
  }
}

/** The door of an inner transaction: it leads to the view of the outer one. */
function inside(view: View, door: Door): Door {
  return {
    backend: view.backend,
    ask: (_, perform) => perform(),
    askStream: (_, source) => source() as AsyncIterable<never>,
    error: (error) => door.error(error),
  }
}

/** Whether a commit failed because of its store, and not because of a conflict. */
function isOfStore(error: unknown): boolean {
  return [BackendError, TransactionUnknownError, TransactionPartialError].some((type) => error instanceof type)
}
