import { setTimeout as wait } from 'node:timers/promises'
import type { Backend } from '@cashews/core'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pairs, stores } from './support/backends.ts'
import { fakeTime } from './support/helpers.ts'
import { histories } from './support/histories/step.ts'
import { World } from './support/histories/world.ts'

/** Plays random histories, the same each time. Another seed plays others; the path that a failure prints repeats that one. */
async function playMany(
  numRuns: number,
  create: () => readonly Backend[],
  elapse: (duration: number) => Promise<unknown>,
): Promise<void> {
  const property = fc.asyncProperty(histories, async (steps) => {
    const world = new World(create(), elapse)
    await world.play(steps)
    await world.close()
    expect(world.broken).toEqual([])
  })
  await fc.assert(property, { numRuns, seed: 1 })
}

/**
 * Not the reference backend: a load captures the records of its tags after it has taken its lease, which may take a while when two
 * loads create a record at once. So the function of the later one may begin first.
 */
const onTheClock = stores.filter(({ name }) => name !== 'reference')

describe.each(onTheClock)('random histories of two caches on $name', ({ name, create, elapse }) => {
  beforeEach(fakeTime)
  afterEach(() => vi.useRealTimers())

  it('break no promise', async () => {
    await playMany(
      name === 'memory' ? 100 : 20,
      () => {
        const backend = create()
        return [backend, backend]
      },
      elapse,
    )
  })
})

describe.each(pairs)('random histories of two processes on $name', ({ name, create }) => {
  it('break no promise', async () => {
    await playMany(
      30,
      () => {
        const [one, other] = create()
        // Another process may read a copy until the message of the server arrives.
        return name.includes('client-side') ? [one, one] : [one, other]
      },
      () => wait(1),
    )
  })
})
