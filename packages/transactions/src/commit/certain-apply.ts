import { type Awaitable, BackendError, type Call, type Door, type Milliseconds } from '@cashews/core'
import { TransactionUnknownError } from '../errors.ts'
import type { Change, Expected } from '../view/step.ts'

/** How long the marker of a commit is kept: longer than anybody looks for it. */
const REMEMBERED: Milliseconds = 10_000
/** How long the marker of an abandoned commit keeps it from being applied late. */
const GIVEN_UP: Milliseconds = 60_000
/** How long to try to learn the outcome of a commit from a store that went away during it. */
const PATIENCE: Milliseconds = 2_000

/** Applies one step of a commit. */
export function apply(
  door: Door,
  expectations: readonly Expected[],
  writes: readonly Change[],
  sent?: () => void,
): Awaitable<boolean> {
  const { backend } = door
  const call: Call = { command: 'setMany', entries: [], lifetime: 1, backend }
  const perform = () => {
    sent?.()
    return backend.apply(expectations, writes)
  }
  return door.ask(call, perform, true)
}

/**
 * Applies a step to a store that can go away, so that its outcome can be found out afterwards: a marker, which is a lock
 * with a unique name, is set in the same step.
 *
 * @param keys The keys that are written. The marker is kept in the same part of the store as the first one.
 * @throws {TransactionUnknownError} When the store went away during the step and did not come back in time.
 */
export async function applyForCertain(
  door: Door,
  keys: readonly [string, ...string[]],
  expectations: readonly Expected[],
  writes: readonly Change[],
): Promise<boolean> {
  const lock = `${keys[0]}\0commit:${crypto.randomUUID()}`
  const marking: Change = { op: 'lock', lock, token: 'committed', lifetime: REMEMBERED }
  let sent = false
  try {
    return await apply(door, [...expectations, { lock }], [...writes, marking], () => {
      sent = true
    })
  } catch (error) {
    if (!sent || !(error instanceof BackendError) || error.isUndone) throw error
    if (await isMarked(door, lock, keys.length, error)) return true
    throw error
  }
}

/**
 * Whether the marker was set, and the commit with it. Asks by taking the marker itself: if that succeeds, the commit was
 * not applied, and cannot be applied late.
 */
async function isMarked(door: Door, lock: string, changed: number, cause: unknown): Promise<boolean> {
  const { backend } = door
  const { locks } = backend
  const end = performance.now() + PATIENCE
  for (let pause = 50; locks; pause *= 2) {
    try {
      const call: Call = { command: 'setLock', key: lock, token: '', lifetime: GIVEN_UP, backend }
      return !(await door.ask(call, () => locks.acquire(lock, 'rolled back', GIVEN_UP), true))
    } catch (error) {
      if (!(error instanceof BackendError) || performance.now() + pause > end) break
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  throw new TransactionUnknownError(
    `${backend.name} went away during a commit: either all ${changed} keys were changed, or none.`,
    { cause },
  )
}
