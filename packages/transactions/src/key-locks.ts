import {
  type Awaitable,
  awaitRelease,
  BackendError,
  type Call,
  chain,
  isPending,
  LockedError,
  type Locks,
  type Milliseconds,
  NotSupportedError,
  recover,
  wakeWaiters,
} from '@cashews/core'
import { TransactionClosedError, TransactionRestartError } from './errors.ts'
import { LockRenewal } from './lock-renewal.ts'
import { nowOrWhenBack } from './now-or-when-back.ts'
import type { View } from './view.ts'

/** The lock of a key: beside those that the application takes, and where the key lives. */
export function lockName(key: string): string {
  return `${key}\0transaction`
}

/** What a transaction that has to start again takes first. */
export type Claims = ReadonlyMap<View['door'], readonly string[]>

const FIRST_PAUSE: Milliseconds = 2
const LONGEST_PAUSE: Milliseconds = 100

/**
 * The locks of one transaction. It waits for a lock only when the key comes after all those it has locked, in the order
 * of text, so that no ring of transactions waits for each other. What comes out of order is tried without waiting; if
 * that fails, the transaction starts again, and takes first what it is known to need.
 */
export class KeyLocks {
  readonly token: string = crypto.randomUUID()
  /** What a new start is to take first. */
  wanted: Claims | undefined
  readonly #lifetime: Milliseconds
  readonly #deadline: number
  readonly #failed: (error: Error) => void
  readonly #held = new Map<View, Set<string>>()
  readonly #renewal: LockRenewal
  /** The last of the keys that are locked, in the order of text. */
  #highest: string | undefined
  /** The claim that is under way, and those that wait for it. */
  #turn: Promise<unknown> | undefined
  #isClosed = false

  /**
   * @param deadline Until when to wait for others, by `performance.now()`.
   * @param failed Told why a lock could not be taken, before who has claimed it.
   */
  constructor(lifetime: Milliseconds, deadline: number, failed: (error: Error) => void) {
    this.#lifetime = lifetime
    this.#deadline = deadline
    this.#failed = failed
    this.#renewal = new LockRenewal(lifetime, () => this.#renew())
  }

  /** @throws {LockedError} When one of the locks has ended. */
  check(): void {
    this.#renewal.check()
  }

  /**
   * Locks keys, all of them or none. One claim after another.
   *
   * @param inspects Whether it is asked next what they hold: then the view is told, where the store can do both at once.
   */
  claim(view: View, keys: readonly string[], inspects: boolean): Awaitable<void> {
    const claimed = this.#turn
      ? this.#turn.then(() => this.#claimNow(view, keys, inspects))
      : this.#claimNow(view, keys, inspects)
    return isPending(claimed) ? this.#takeTurn(claimed) : claimed
  }

  /**
   * Answers when what is being claimed has come to an end, so that all that was taken is known; `undefined`: nothing is.
   *
   * @param isLast Nothing is claimed after this, and who waits for others gives up.
   */
  settle(isLast: boolean): Promise<unknown> | undefined {
    this.#isClosed ||= isLast
    return this.#turn
  }

  keysOf(view: View): string[] {
    return [...(this.#held.get(view) ?? [])]
  }

  /** Frees the locks of a view, or forgets them where a commit has freed them. */
  release(view: View, isFreed: boolean): Awaitable<unknown> {
    const keys = this.keysOf(view)
    this.#held.delete(view)
    if (this.#held.size === 0) {
      this.#renewal.stop()
      this.#highest = undefined
    }
    if (!isFreed) return Promise.all(keys.map((key) => this.#free(view, key)))
    for (const key of keys) wakeWaiters(view.store, lockName(key))
  }

  /** Lets what is claimed meanwhile wait. */
  #takeTurn(claimed: Promise<void>): Promise<void> {
    const settle = () => {
      if (this.#turn === settled) this.#turn = undefined
    }
    const settled = claimed.then(settle, (error) => {
      settle()
      if (!this.#isClosed) this.#failed(error)
    })
    this.#turn = settled
    return claimed
  }

  #claimNow(view: View, keys: readonly string[], inspects: boolean): Awaitable<void> {
    const held = this.#held.get(view)
    const lacking = keys.filter((key) => !held?.has(key))
    if (lacking.length === 0) return
    this.#checkOpen()
    const wanted = lacking.length === 1 ? lacking : [...new Set(lacking)].sort()
    this.check()
    if (inspects && wanted.length === 1 && view.store.locks && view.store.locks.acquireAndInspect)
      return this.#takeAndInspect(view, wanted, view.store.locks.acquireAndInspect)
    return chain(this.#try(view, wanted), (taken) => (taken ? this.#hold(view, wanted) : this.#wait(view, wanted)))
  }

  /** Takes the lock of one key, and tells the view what the key holds. */
  #takeAndInspect(
    view: View,
    keys: readonly string[],
    acquireAndInspect: NonNullable<Locks['acquireAndInspect']>,
  ): Awaitable<void> {
    const [key = ''] = keys
    const learn = view.reader.learning(key)
    const ask = () => this.#ask(view, () => acquireAndInspect(lockName(key), this.token, this.#lifetime))
    const asked = recover(ask, (error) => this.#giveUp(view, keys, error))
    return chain(asked, (found) => {
      if (found === undefined) return this.#wait(view, keys)
      learn(found)
      this.#hold(view, keys)
    })
  }

  /** Takes all the locks or none: in one step, where their keys live in one part of the store. */
  #try(view: View, keys: readonly string[]): Awaitable<boolean> {
    const parts = view.placement.partsOf(keys)
    return recover<boolean>(
      () => (parts.length > 1 ? this.#tryParts(view, parts) : this.#tryPart(view, keys)),
      (error) => this.#giveUp(view, keys, error),
    )
  }

  /** Frees what was taken, or may have been, before the store failed. */
  async #giveUp(view: View, keys: readonly string[], error: unknown): Promise<never> {
    await Promise.allSettled(keys.map((key) => this.#free(view, key)))
    throw error
  }

  async #tryParts(view: View, parts: readonly (readonly string[])[]): Promise<boolean> {
    for (const [at, part] of parts.entries()) {
      if (await this.#tryPart(view, part)) continue
      await Promise.all(parts.slice(0, at).flatMap((taken) => taken.map((key) => this.#free(view, key))))
      return false
    }
    return true
  }

  #tryPart(view: View, keys: readonly string[]): Awaitable<boolean> {
    const { store } = view
    const { locks } = store
    if (!locks)
      throw new NotSupportedError(`The backend "${store.name}" has no locks. Choose the mode 'serializable' or 'fast'.`)
    const [only] = keys
    return this.#ask(view, () => {
      if (keys.length === 1) return locks.acquire(lockName(only as string), this.token, this.#lifetime)
      const free = keys.map((key) => ({ lock: lockName(key) }))
      return store.apply(free, this.#locking(keys))
    })
  }

  /** Whoever needs the store hears that it is away: this can wait. */
  #free(view: View, key: string): Promise<void> {
    const { locks } = view.store
    const lock = lockName(key)
    const free = async () => {
      if (locks) await this.#ask(view, () => locks.release(lock, this.token))
      wakeWaiters(view.store, lock)
    }
    return nowOrWhenBack(free, this.#lifetime)
  }

  async #wait(view: View, keys: readonly string[]): Promise<void> {
    const [lowest = ''] = keys
    if (this.#highest !== undefined && lowest <= this.#highest) this.#restart(view, keys)
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      this.#checkOpen()
      const left = this.#deadline - performance.now()
      if (left <= 0)
        throw new LockedError(
          `A transaction waited in vain for the lock of "${lowest}": another one holds it. Give it a longer timeout.`,
        )
      await awaitRelease(view.store, lockName(lowest), Math.min(pause * (0.5 + Math.random()), left))
      this.check()
      if (await this.#try(view, keys)) return this.#hold(view, keys)
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TransactionClosedError('A command waited for its lock when its transaction ended.')
  }

  #restart(view: View, keys: readonly string[]): never {
    const wanted = new Map<View['door'], string[]>()
    for (const [each, held] of this.#held) wanted.set(each.door, [...held])
    wanted.set(view.door, [...(wanted.get(view.door) ?? []), ...keys])
    this.wanted = wanted
    throw new TransactionRestartError(
      `"${keys[0]}" is locked by a transaction that may wait for this one, which starts again. Let this error pass.`,
    )
  }

  #hold(view: View, keys: readonly string[]): void {
    const held = this.#held.get(view) ?? new Set()
    this.#held.set(view, held)
    for (const key of keys) {
      held.add(key)
      if (this.#highest === undefined || key > this.#highest) this.#highest = key
    }
    this.#renewal.start()
  }

  /** Answers whether all locks are still ours; `undefined` when a store did not say. */
  async #renew(): Promise<boolean | undefined> {
    try {
      return (await Promise.all(this.#renewals())).every(Boolean)
    } catch (error) {
      if (!(error instanceof BackendError)) for (const view of this.#held.keys()) view.door.report(error)
      return undefined
    }
  }

  #renewals(): Awaitable<boolean>[] {
    return [...this.#held].flatMap(([view, held]) =>
      view.placement.partsOf([...held]).map((keys) => {
        const ours = keys.map((key) => ({ lock: lockName(key), token: this.token }))
        return this.#ask(view, () => view.store.apply(ours, this.#locking(keys)))
      }),
    )
  }

  #locking(keys: readonly string[]) {
    return keys.map(
      (key) => ({ op: 'lock', lock: lockName(key), token: this.token, lifetime: this.#lifetime }) as const,
    )
  }

  /** Locks matter: one that cannot be taken is not taken. */
  #ask<T>(view: View, perform: () => Awaitable<T>): Awaitable<T> {
    const call: Call = {
      command: 'setLock',
      key: '',
      token: this.token,
      lifetime: this.#lifetime,
      backend: view.store,
    }
    return view.door.ask(call, perform, true)
  }
}
