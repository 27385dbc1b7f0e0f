import { setTimeout as wait } from 'node:timers/promises'
import type { Milliseconds } from '@cashews/core'

const TURN: Milliseconds = 5

/**
 * Waits until a condition is met. Resolves to whether it was.
 *
 * @param patience How long to wait at most, in milliseconds, counted in short pauses: if the machine stands still for a while, that
 * counts as one pause, and sockets are read before the time is over.
 */
export async function soon(isSo: () => boolean, patience: Milliseconds): Promise<boolean> {
  for (let waited = 0; !isSo() && waited < patience; waited += TURN) await wait(TURN)
  return isSo()
}

/** Resolves to whether a promise was fulfilled within the `patience` of {@link soon}, and rejects if it was rejected. */
export async function isFulfilledSoon(promise: Promise<unknown> | undefined, patience: Milliseconds): Promise<boolean> {
  let isFulfilled = false
  const settling = Promise.resolve(promise).then(() => {
    isFulfilled = true
  })
  // A rejection of the promise is passed on.
  return Promise.race([soon(() => isFulfilled, patience), settling.then(() => true)])
}
