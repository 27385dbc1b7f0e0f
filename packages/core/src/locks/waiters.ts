import type { Backend, Milliseconds } from '../backend.ts'
import { companionOf } from '../basics/companion.ts'
import { getOrMake } from '../basics/get-or-make.ts'

/** The waiters in this process for the locks of one backend, woken in the order in which they came. */
export class Waiters {
  readonly #queues = new Map<string, Set<() => void>>()

  /** Resolves when {@link wake} reaches this waiter, after `atMost`, when `signal` aborts, or with `elsewhere`. */
  wait(key: string, atMost: Milliseconds, signal?: AbortSignal, elsewhere?: Promise<void>): Promise<void> {
    const queue = getOrMake(this.#queues, key, () => new Set())
    return new Promise((resolve, reject) => {
      // A waiter leaves the queue before it tries again: a wake that reached it then would be lost for the others.
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        if (queue.delete(done) && queue.size === 0) this.#queues.delete(key)
        resolve()
      }
      const timer = setTimeout(done, atMost)
      queue.add(done)
      signal?.addEventListener('abort', done)
      elsewhere?.then(done, (error) => {
        reject(error)
        done()
      })
    })
  }

  /** Wakes the waiter that has waited longest. */
  wake(key: string): void {
    const [longest] = this.#queues.get(key) ?? []
    longest?.()
  }
}

/** The waiters of a backend, shared by all caches that use it. */
export const waitersOf: (backend: Backend) => Waiters = /* @__PURE__ */ companionOf(() => new Waiters())
