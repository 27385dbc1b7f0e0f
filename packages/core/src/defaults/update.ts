import { type BackendBase, MISS, type Miss, type Snapshot, type Write } from '../backend.ts'
import { type Awaitable, chain, isPending } from '../basics/awaitable.ts'
import { BackendError } from '../errors.ts'

/** What {@link update} needs of a store. */
export type Updatable = Pick<BackendBase, 'inspect' | 'apply'>

/** Computes an answer from what a key holds and, if it is to change, a write. Runs again after a conflict. */
export type Change<R> = (found: Snapshot | Miss) => readonly [answer: R, write?: Write | undefined]

/** A key that changed this often between a read and its write is not contended: the store is broken. */
const MOST_TRIES = 100

/**
 * Changes a key in one step (optimistic concurrency control): reads, computes, and writes if the key is unchanged;
 * otherwise it tries again, with an asynchronous store after a random and growing pause. Synchronous if the store is.
 */
export function update<R>(store: Updatable, key: string, change: Change<R>, tries = 1): Awaitable<R> {
  const inspected = store.inspect(key)
  return chain(inspected, (found) => {
    const [answer, write] = change(found)
    if (!write) return answer
    const applied = store.apply([{ key, stamp: found === MISS ? undefined : found.stamp }], [write])
    const settle = (done: boolean): Awaitable<R> => {
      if (done) return answer
      const next = nextTry(key, tries)
      const again = () => update(store, key, change, next)
      return isPending(inspected) || isPending(applied) ? pause(tries).then(again) : again()
    }
    return chain(applied, settle)
  })
}

/** Counts a try. @throws {BackendError} When there were too many. */
export function nextTry(key: string, tries: number): number {
  if (tries === MOST_TRIES) throw new BackendError(`Key "${key}" changed ${tries} times while it was being updated.`)
  return tries + 1
}

function pause(tries: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 2 ** Math.min(tries, 7)))
}
