import { setTimeout as wait } from 'node:timers/promises'
import type { Milliseconds } from '@cashews/core'

const TURN: Milliseconds = 5

/**
 * Waits until something is so. Answers whether it came to be.
 *
 * @param patience How long at most, in milliseconds, counted in short pauses: when the machine stands still for a while, that
 * counts as one pause, and sockets have their turn before the time is over.
 */
export async function soon(isSo: () => boolean, patience: Milliseconds): Promise<boolean> {
  for (let waited = 0; !isSo() && waited < patience; waited += TURN) await wait(TURN)
  return isSo()
}

/** Answers whether a promise was fulfilled within the `patience` of {@link soon}. */
export async function isFulfilledSoon(promise: Promise<unknown> | undefined, patience: Milliseconds): Promise<boolean> {
  let isFulfilled = false
  const settling = Promise.resolve(promise).then(() => {
    isFulfilled = true
  })
  // Its rejection is the answer too.
  return Promise.race([soon(() => isFulfilled, patience), settling.then(() => true)])
}
