import type { Backend, Milliseconds } from '../backend.ts'
import { checkArgument } from '../basics/arguments.ts'
import { LockedError } from '../errors.ts'
import { parseTtl, type Ttl } from '../ttl.ts'
import { waitersOf } from './waiters.ts'

/** How a lock is taken. */
export interface LockOptions {
  /** How long the lock is held at most, unless it is extended. */
  readonly ttl: Ttl
  /**
   * How long to wait for a lock that somebody else holds; `0` or `false`: not at all.
   *
   * @default the `ttl`: by then, the holder has lost it
   */
  readonly wait?: Ttl | false | undefined
  /** The longest pause between two attempts while no release is noticed. @default '400ms' */
  readonly checkInterval?: Ttl | undefined
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
}

/** What a lock needs of the store. */
export interface LockStore {
  /** Answers whether the token holds the lock now. */
  acquire(token: string, lifetime: Milliseconds): Promise<boolean>
  extend(token: string, lifetime: Milliseconds): Promise<boolean>
  release(token: string): Promise<boolean>
  /** Resolves when the lock may be free, after `atMost` at the latest. */
  released(atMost: Milliseconds, signal?: AbortSignal): Promise<void>
}

const FIRST_PAUSE: Milliseconds = 25
const CHECK_INTERVAL: Ttl = 0.4

/** A lock that is held. Works with `await using`. */
export class Lock implements AsyncDisposable {
  /** The name of the lock. */
  readonly key: string
  /** Proves who holds it. */
  readonly token: string
  readonly #store: LockStore

  constructor(key: string, token: string, store: LockStore) {
    this.key = key
    this.token = token
    this.#store = store
  }

  /**
   * Holds the lock for `ttl` from now.
   *
   * @throws {LockedError} When the lock was lost: its time ran out, and somebody else may hold it.
   */
  async extend(ttl: Ttl): Promise<void> {
    if (!(await this.#store.extend(this.token, parseTtl(ttl)))) throw lost(this.key)
  }

  /** Frees the lock. Resolves to whether it was still held. */
  release(): Promise<boolean> {
    return this.#store.release(this.token)
  }

  /** Frees the lock at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}

/** The error for a lock that ended while it was in use. */
export function lost(key: string): LockedError {
  return new LockedError(
    `The lock "${key}" was lost: its ttl ran out (give it a longer one), or its store was replaced, cleared, restarted or full.`,
  )
}

/**
 * Takes a lock. Between attempts it waits for a release, each time longer, up to `checkInterval`, so that a waiter costs only
 * a few commands per second.
 *
 * @throws {LockedError} When the lock is still held by somebody else after `wait`.
 */
export async function acquireLock(key: string, options: LockOptions, store: LockStore): Promise<Lock> {
  const lifetime = parseTtl(options?.ttl)
  const { wait: patience = options.ttl, signal } = options
  const wait = parseWait(patience)
  checkArgument(!signal || typeof signal.throwIfAborted === 'function', 'signal must be an AbortSignal', signal)
  const token = crypto.randomUUID()
  const attempt = async () => {
    try {
      const taken = await store.acquire(token, lifetime)
      signal?.throwIfAborted()
      return taken
    } catch (error) {
      // The lock may have been taken nevertheless.
      await store.release(token).catch(() => false)
      throw error
    }
  }
  if (await retry(attempt, wait, store, options)) return new Lock(key, token, store)
  throw new LockedError(`The lock "${key}" is held by somebody else; waited ${wait} ms for it.`)
}

/** Converts how long to wait for a lock into milliseconds; `0` or `false`: not at all. */
function parseWait(wait: Ttl | false): Milliseconds {
  return wait === false || wait === 0 ? 0 : parseTtl(wait, 'wait')
}

/** Resolves when a lock may have been freed, by this process or another, after `atMost` at the latest. */
export async function awaitRelease(
  backend: Backend,
  lock: string,
  atMost: Milliseconds,
  signal?: AbortSignal,
): Promise<void> {
  const elsewhere = backend.locks === false ? undefined : backend.locks.released?.(lock, atMost)
  await waitersOf(backend).wait(lock, atMost, signal, elsewhere)
}

/** Wakes the waiter in this process that has waited longest for a lock. */
export function wakeWaiters(backend: Backend, lock: string): void {
  waitersOf(backend).wake(lock)
}

/** Waits until a lock is free, for `wait` at most. Resolves to whether it is still locked. */
export async function awaitUnlocked(
  isLocked: () => Promise<boolean>,
  wait: Ttl | false,
  store: Pick<LockStore, 'released'>,
): Promise<boolean> {
  return !(await retry(async () => !(await isLocked()), parseWait(wait), store, {}))
}

/** Repeats `attempt` until it succeeds, for `wait` at most. Resolves to whether it did. */
async function retry(
  attempt: () => Promise<boolean>,
  wait: Milliseconds,
  store: Pick<LockStore, 'released'>,
  { checkInterval = CHECK_INTERVAL, signal }: Omit<LockOptions, 'ttl'>,
): Promise<boolean> {
  const longest = parseTtl(checkInterval, 'checkInterval')
  const deadline = performance.now() + wait
  for (let pause = Math.min(FIRST_PAUSE, longest); ; pause = Math.min(pause * 2, longest)) {
    signal?.throwIfAborted()
    if (await attempt()) return true
    const left = deadline - performance.now()
    if (left <= 0) return false
    // At random, so that waiters that started together do not try again together.
    await store.released(Math.min(pause * (0.5 + Math.random() / 2), left), signal)
  }
}
