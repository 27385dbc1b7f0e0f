import type { Detector } from './detect.ts'
import { type Lease, newLease } from './lease.ts'

/** One load, shared by everybody who asks for its key meanwhile. */
export interface Flight<T = unknown> {
  /** The right to store what is loaded. When it is broken, nobody joins any more. */
  readonly lease: Lease
  readonly promise: Promise<T>
  /** What was detected during the load, if anybody watched when it started. */
  readonly detector?: Detector | undefined
}

/** The loads under way in one cache, by key: single flight. */
export class Flights {
  readonly #byKey = new Map<string, Flight>()

  /** The load of a key that is under way and whose result will still be true. */
  find<T>(key: string): Flight<T> | undefined {
    const flight = this.#byKey.get(key)
    return flight === undefined || flight.lease.broken ? undefined : (flight as Flight<T>)
  }

  /** Starts a load that others may join. The function is called at once. */
  start<T>(key: string, load: (lease: Lease) => Promise<T>, detector?: Detector): Flight<T> {
    const lease = newLease()
    const flight: { -readonly [P in keyof Flight<T>]?: Flight<T>[P] } = { lease, detector }
    this.#byKey.set(key, flight as Flight)
    flight.promise = this.#fly(key, flight as Flight, load)
    return flight as Flight<T>
  }

  /** Lets nobody join the load of a key any more. Answers whether there was one. */
  forget(key: string): boolean {
    return this.#byKey.delete(key)
  }

  async #fly<T>(key: string, flight: Flight, load: (lease: Lease) => Promise<T>): Promise<T> {
    try {
      return await load(flight.lease)
    } finally {
      if (this.#byKey.get(key) === flight) this.#byKey.delete(key)
    }
  }
}
