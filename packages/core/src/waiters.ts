import type { Backend, Milliseconds } from './backend.ts'
import { companionOf } from './companion.ts'
import { getOrMake } from './get-or-make.ts'

/** Who in this process waits for which lock of one backend: first come, first woken. */
export class Waiters {
  readonly #queues = new Map<string, Set<() => void>>()

  /** Resolves when {@link wake} reaches this waiter, after `atMost`, when `signal` aborts, or with `elsewhere`. */
  wait(key: string, atMost: Milliseconds, signal?: AbortSignal, elsewhere?: Promise<void>): Promise<void> {
    const queue = getOrMake(this.#queues, key, () => new Set())
    return new Promise((resolve, reject) => {
      // He who looks again waits no longer: a wake that reached him would be lost to the others.
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

  /** Wakes the one who has waited longest. */
  wake(key: string): void {
    const [longest] = this.#queues.get(key) ?? []
    longest?.()
  }
}

/** The waiters of a backend, whichever cache they came through. */
export const waitersOf: (backend: Backend) => Waiters = /* @__PURE__ */ companionOf(() => new Waiters())
