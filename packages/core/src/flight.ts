import type { Detector } from './detect.ts'
import { FewMap } from './few-map.ts'
import type { Lease } from './lease.ts'
import type { Outcome, Reason } from './outcome.ts'

/**
 * One load, shared by everybody who asks for its key meanwhile. It is its own lease: once that is broken, nobody joins
 * any more; and its own outcome.
 */
export class Flight<T = unknown> implements Lease, Outcome {
  // The lease.
  key: string | undefined
  broken = false
  token: string | undefined
  older: Lease | undefined
  // The outcome.
  hit = false
  stale: boolean | undefined
  reason: Reason | undefined
  age: number | undefined
  hitInside: boolean | undefined
  readonly around: Outcome | undefined
  /** What was detected during the load, if anybody watched when it started. */
  readonly detector: Detector | undefined
  promise!: Promise<T>
  readonly #controller: AbortController | undefined
  #waiting = 0

  /**
   * @param around The outcome of the load that this one is part of.
   * @param controller Aborts the load when its last waiter has left.
   */
  constructor(around?: Outcome, detector?: Detector, controller?: AbortController) {
    this.around = around
    this.detector = detector
    this.#controller = controller
  }

  /** Waits for the end, or until `signal` aborts. The load goes on while somebody waits for it. */
  wait(signal?: AbortSignal): Promise<T> {
    this.#waiting++
    return signal === undefined ? this.promise : this.#until(signal)
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
    })
  }

  #abort(reason: unknown): void {
    this.broken = true
    this.#controller?.abort(reason)
  }
}

/** The loads under way, by key: single flight. */
export class Flights {
  readonly #byKey = new FewMap<Flight>()

  /** The load of a key that is under way and whose result will still be true. */
  find<T>(key: string): Flight<T> | undefined {
    const flight = this.#byKey.get(key)
    return flight === undefined || flight.broken ? undefined : (flight as Flight<T>)
  }

  /** Lets others join a load from now on. */
  add(key: string, flight: Flight<never> | Flight): void {
    this.#byKey.set(key, flight as Flight)
  }

  /** Ends a load: its key is free for the next. */
  end(key: string, flight: Flight<never> | Flight): void {
    if (this.#byKey.get(key) === flight) this.#byKey.delete(key)
  }

  /** Lets nobody join the load of a key any more. Answers whether there was one. */
  forget(key: string): boolean {
    return this.#byKey.delete(key)
  }
}
