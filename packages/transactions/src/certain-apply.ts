import { type Awaitable, BackendError, type Call, type Door, type Milliseconds } from '@cashews/core'
import { TransactionUnknownError } from './errors.ts'
import type { Change, Expected } from './step.ts'

/** How long it can be told that a commit has happened: longer than anybody asks. */
const REMEMBERED: Milliseconds = 10_000
/** How long a commit that was given up comes too late. */
const GIVEN_UP: Milliseconds = 60_000
/** How long a store that went away during a commit is asked for what became of it. */
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
 * Applies so that it can be found out afterwards whether it happened, of a store that can be away: along with the writes a
 * marker is set, a lock of its own name.
 *
 * @param keys Those that are written. The marker lives where the first one does.
 * @throws {TransactionUnknownError} When the store went away meanwhile, and did not come back to tell.
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

/** Takes the marker, so that a commit still on its way comes too late; who cannot have it is told that it was there. */
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
    `${backend.name} went away during a commit: ${changed} keys are all changed, or none.`,
    { cause },
  )
}
