import type { Spot } from '../backend.ts'
import type { Awaitable } from '../basics/awaitable.ts'
import type { Outcome, Reason } from '../scope/outcome.ts'
import type { Detection, Detector } from '../watching/detect.ts'
import type { Tally } from '../watching/tallies.ts'
import { isOvertaken, type Lease } from './lease.ts'
import { Newest } from './newest.ts'

/** A call that is read through. */
export interface LoadCall {
  /** The key, before all middlewares. */
  readonly key: string
  /** The `this` of the call. */
  readonly self: unknown
  /** The arguments of the call. */
  readonly args: readonly unknown[]
  /** Makes this caller stop waiting. The load continues while others wait for it. */
  readonly signal: AbortSignal | undefined
  /** The store's note of where it found the key. */
  readonly spot?: Spot | undefined
}

/** A load that is running, shared by all callers of its key. Once its lease is broken, nobody may join it. */
export class Flight<T = unknown> implements Outcome {
  /** The call that began it. */
  readonly call: LoadCall
  /** The right to store the result. */
  readonly lease: Lease
  /** What all callers wait for. */
  promise!: Promise<T>
  hit = false
  stale: boolean | undefined
  reason: Reason | undefined
  hitInside: boolean | undefined
  /** Collects what is detected during the load, if somebody was watching when it started. */
  readonly detector: Detector | undefined
  /** Aborts the load when its last waiter has left. */
  readonly controller: AbortController | undefined
  /** Where other callers find it; `undefined` while they may not join. */
  joinable: Flights | undefined
  /** The load of the same key that callers joined before this one began. */
  older: Flight | undefined
  /** Whether the read found a value. The store has given no lease then: a load that replaces the value has to take one. */
  hasFound = false
  /** Whether its read was sent to a shared store, in an earlier turn of the event loop. */
  isUnderWay = false
  /** Whether it is still valid according to the store, which is asked once for all callers that joined after it had begun. */
  held: Awaitable<boolean> | undefined
  /** How old its answer is and how long it is kept, once somebody has asked. */
  ages: Promise<Pick<Detection, 'age' | 'left'>> | undefined
  /** Where it is counted, if somebody was watching when it started. */
  tally: Tally | undefined
  /**
   * Whether its function has not reached its first `await` yet. A caller that comes now is that function itself. If it joined, it
   * would wait for itself, so it runs again, as it would without a cache.
   */
  isBeginning = false
  /** Whether it has ended, with a result or an error. */
  hasLanded = false
  #waiting = 0

  constructor(call: LoadCall, lease: Lease, detector?: Detector, controller?: AbortController) {
    this.call = call
    this.lease = lease
    this.detector = detector
    this.controller = controller
  }

  /** The key as the caller gave it, before any middleware. */
  get key(): string {
    return this.call.key
  }

  /** Waits for the result, or until `signal` aborts. The load continues while anybody waits for it. */
  wait(signal?: AbortSignal): Promise<T> {
    this.#waiting++
    return signal === undefined ? this.promise : this.#until(signal)
  }

  /** Lets other callers join from now on, if they may. */
  open(): void {
    this.joinable?.add(this as Flight)
  }

  /** Runs its function. */
  begin<R>(run: (self: unknown, args: readonly unknown[]) => R): R {
    this.isBeginning = true
    try {
      return run(this.call.self, this.call.args)
    } finally {
      this.isBeginning = false
    }
  }

  /**
   * Ends it: frees its key for the next load, and drops its lease. After a failure, callers can join an older load again. After a
   * success they cannot, because its result would be older than the one that was just given.
   */
  land(hasFailed = false): void {
    this.hasLanded = true
    if (!hasFailed) this.older = undefined
    this.joinable?.end(this as Flight)
    this.lease.drop()
  }

  /** Lands it when its promise settles. Bound functions, because closures would cost every flight a context. */
  landAtEnd(): void {
    this.promise.then(this.land.bind(this, false), this.land.bind(this, true))
  }

  #until(signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        reject(signal.reason)
        if (--this.#waiting === 0) this.#abort(signal.reason)
      }
      const stay = () => signal.removeEventListener('abort', leave)
      signal.addEventListener('abort', leave, { once: true })
      this.promise.then(resolve, reject).finally(stay)
      if (signal.aborted) leave() // by the load itself, before its first await
    })
  }

  /** Lets nobody store its result or join it any more, and forgets it at once: it may never end. */
  #abort(reason: unknown): void {
    this.lease.broken = true
    this.land(true)
    this.controller?.abort(reason)
  }
}

/** The loads that are running, by key: single flight. */
export class Flights {
  readonly #newest = new Newest<Flight>()

  /** The running load of a key that callers may join. */
  find<T>(key: string): Flight<T> | undefined {
    const flight = this.#newest.get(key)
    return flight === undefined || flight.isBeginning || isOvertaken(flight.lease) ? undefined : (flight as Flight<T>)
  }

  /** Lets other callers join a load, until it lands. */
  add(flight: Flight): void {
    flight.joinable = this
    this.#newest.add(flight)
  }

  /** Removes a load, so that nobody joins it any more. */
  end(flight: Flight): void {
    this.#newest.remove(flight)
  }

  /** Removes the loads of a key. Returns whether there was one. */
  forget(key: string): boolean {
    return this.#newest.delete(key)
  }
}
