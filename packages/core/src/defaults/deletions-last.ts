import type { Backend, Milliseconds } from '../backend.ts'
import { type Awaitable, isPending } from '../basics/awaitable.ts'

/** Deletions do not wait for a write that has been running for longer than this, because it may never end. */
const PATIENCE: Milliseconds = 1_000

interface Write {
  /** Fulfilled once this write and those before it have ended. */
  readonly over: Promise<unknown>
  readonly since: Milliseconds
}

/** The writes that are running. */
class Writes {
  readonly #underWay = new Map<string, Write>()

  begun<T>(key: string, written: Awaitable<T>): Awaitable<T> {
    if (isPending(written)) this.#note(key, written)
    return written
  }

  /** Calls `remove` once the writes of the keys, or all writes, have ended. */
  afterwards<T>(remove: () => Awaitable<T>, keys: Iterable<string> = this.#underWay.keys()): Awaitable<T> {
    const over = Array.from(keys, (key) => this.#over(key)).filter(isPending)
    return over.length > 0 ? Promise.all(over).then(remove) : remove()
  }

  #over(key: string): Promise<unknown> | undefined {
    const write = this.#underWay.get(key)
    return write && performance.now() - write.since < PATIENCE ? write.over : undefined
  }

  #note(key: string, written: Promise<unknown>): void {
    const end = () => {
      if (this.#underWay.get(key) === write) this.#underWay.delete(key)
    }
    const over = Promise.allSettled([this.#over(key), written]).then(end)
    const write: Write = { over, since: performance.now() }
    this.#underWay.set(key, write)
  }
}

/**
 * Makes commands that may delete a value wait for running writes of the same key. A store that is asked over several connections
 * may carry out a later command first, so that the result of a load would survive its invalidation.
 */
export function deletionsLast(store: Backend): Backend {
  const writes = new Writes()
  const { tags } = store
  return {
    ...store,
    set: (key, ...how) => writes.begun(key, store.set(key, ...how)),
    tags: tags && { ...tags, set: (key, ...how) => writes.begun(key, tags.set(key, ...how)) },
    delete: (key) => writes.afterwards(() => store.delete(key), [key]),
    deleteMany: (keys) => writes.afterwards(() => store.deleteMany(keys), keys),
    deleteMatch: (pattern) => writes.afterwards(() => store.deleteMatch(pattern)),
    clear: () => writes.afterwards(() => store.clear()),
    apply: (expectations, changes) =>
      writes.afterwards(
        () => store.apply(expectations, changes),
        changes.flatMap((change) => ('key' in change ? change.key : [])),
      ),
  }
}
