import { memory } from '@cashews/backend-memory'
import { describeBackend, handClock } from '@cashews/conformance'
import { MISS, type Spot } from '@cashews/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const clock = handClock()
describeBackend('memory', () => memory({ clock }), { elapse: clock.elapse })
describeBackend(
  "memory, bounded by bytes, eviction: 'sieve'",
  () => memory({ clock, maxBytes: 2 ** 30, eviction: 'sieve' }),
  { elapse: clock.elapse },
)

describe('by the clock of the system', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())
  describeBackend('memory', () => memory(), {
    elapse: (duration) => void vi.setSystemTime(Date.now() + duration),
  })
})

describe.each(['lru', 'sieve'] as const)("memory that is full, eviction: '%s'", (eviction) => {
  it('never returns the value of an evicted key for another key', async () => {
    const store = memory({ clock, size: 2, eviction })
    const spots = ['a', 'b', 'c', 'd'].map((key): Spot => ({ key, store: undefined, at: 0 }))
    for (let round = 0; round < 20; round++) {
      for (const [at, spot] of spots.entries()) {
        if (round % 3 !== at % 3) store.set(spot.key, spot.key, 60_000)
        for (const asked of spots) {
          const answer = store.answerNow(asked.key, asked)
          if (answer !== undefined) expect(await answer).toBe(asked.key)
          expect([asked.key, MISS]).toContain(store.get(asked.key))
        }
      }
    }
  })
})
