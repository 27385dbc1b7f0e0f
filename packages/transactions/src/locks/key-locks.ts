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
  whenBack,
} from '@cashews/core'
import { TransactionClosedError, TransactionRestartError } from '../errors.ts'
import type { View } from '../view/view.ts'
import { LockRenewal } from './lock-renewal.ts'

/** The name of the lock that transactions take for a key: apart from the application's locks, in the key's own slot. */
export function lockName(key: string): string {
  return `${key}\0transaction`
}

/** The keys that a transaction locks first when it has to start again. */
export type Claims = ReadonlyMap<View['door'], readonly string[]>

const FIRST_PAUSE: Milliseconds = 2
const LONGEST_PAUSE: Milliseconds = 100

/**
 * The locks of one transaction. It waits for a lock only if the key sorts after all keys that it has locked, so that
 * transactions never wait for each other in a ring. A key out of order is tried without waiting; if that fails, the
 * transaction starts again, and locks all keys that it is known to need first.
 */
export class KeyLocks {
  readonly token: string = crypto.randomUUID()
  /** The keys to lock first when the transaction starts again. */
  wanted: Claims | undefined
  readonly #lifetime: Milliseconds
  readonly #deadline: number
  readonly #failed: (error: Error) => void
  readonly #held = new Map<View, Set<string>>()
  readonly #renewal: LockRenewal
  /** The locked key that sorts last. */
  #highest: string | undefined
  /** Settles when the claim under way, and those that wait for it, have ended. */
  #turn: Promise<unknown> | undefined
  #isClosed = false

  /**
   * @param lifetime How long a lock is held that is not renewed.
   * @param deadline How long to wait for the locks of others: a time of `performance.now()`.
   * @param failed Called with the reason when a lock could not be taken, before the claim rejects.
   */
  constructor(lifetime: Milliseconds, deadline: number, failed: (error: Error) => void) {
    this.#lifetime = lifetime
    this.#deadline = deadline
    this.#failed = failed
    this.#renewal = new LockRenewal(lifetime, () => this.#renew())
  }

  /** @throws {LockedError} When one of the locks was lost. */
  check(): void {
    this.#renewal.check()
  }

  /**
   * Locks keys: all of them, or none. Claims are handled one after another.
   *
   * @param inspects Whether the keys are read next: then a store that can lock and read in one step does, and the view
   * learns what they hold.
   */
  claim(view: View, keys: readonly string[], inspects: boolean): Awaitable<void> {
    const claimed = this.#turn
      ? this.#turn.then(() => this.#claimNow(view, keys, inspects))
      : this.#claimNow(view, keys, inspects)
    return isPending(claimed) ? this.#takeTurn(claimed) : claimed
  }

  /**
   * Resolves when the claims under way have ended, so that every lock taken is known; `undefined` when there are none.
   *
   * @param isLast Whether to refuse later claims, and to end those that wait for others.
   */
  settle(isLast: boolean): Promise<unknown> | undefined {
    this.#isClosed ||= isLast
    return this.#turn
  }

  keysOf(view: View): string[] {
    return [...(this.#held.get(view) ?? [])]
  }

  /** Frees the locks of a view, or only forgets them if a commit has freed them already. */
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

  /** Makes later claims wait for this one. */
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

  /** Locks one key, and lets the view know what it holds. */
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

  /** Takes all the locks or none: in one step if their keys are in one part of the store. */
  #try(view: View, keys: readonly string[]): Awaitable<boolean> {
    const parts = view.placement.partsOf(keys)
    return recover<boolean>(
      () => (parts.length > 1 ? this.#tryParts(view, parts) : this.#tryPart(view, keys)),
      (error) => this.#giveUp(view, keys, error),
    )
  }

  /** Frees all locks that were taken, or may have been, before the store failed. */
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

  /** Frees a lock. A store that is away is tried again in the background: its next command reports that it is away. */
  async #free(view: View, key: string): Promise<void> {
    const { locks } = view.store
    const lock = lockName(key)
    const until = performance.now() + this.#lifetime
    const free = async () => {
      if (locks) await this.#ask(view, () => locks.release(lock, this.token))
      wakeWaiters(view.store, lock)
      return true
    }
    try {
      await free()
    } catch (error) {
      if (!(error instanceof BackendError)) throw error
      whenBack(free, until)
    }
  }

  async #wait(view: View, keys: readonly string[]): Promise<void> {
    const [lowest = ''] = keys
    if (this.#highest !== undefined && lowest <= this.#highest) this.#restart(view, keys)
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      this.#checkOpen()
      const left = this.#deadline - performance.now()
      if (left <= 0)
        throw new LockedError(
          `A transaction waited too long for the lock of "${lowest}", which another one holds. Give it a longer timeout.`,
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
      `"${keys[0]}" is locked by a transaction that may wait for this one, so this one starts again. Do not catch this error.`,
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

  /** Resolves to whether all locks are still ours; `undefined` when a store could not be asked. */
  async #renew(): Promise<boolean | undefined> {
    try {
      return (await Promise.all(this.#renewals())).every(Boolean)
    } catch (error) {
      if (!(error instanceof BackendError)) for (const view of this.#held.keys()) view.door.error(error)
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

  /** Asks the store about locks. A failure is thrown even if the route suppresses errors: a lock must be certain. */
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
