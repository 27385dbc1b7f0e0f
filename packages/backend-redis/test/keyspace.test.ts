import { CommandError } from '@cashews/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Keyspace } from '../src/keys/keyspace.ts'
import { slotOf } from '../src/keys/slot.ts'

const keys = fc.string({ unit: fc.constantFrom('a', 'b', '{', '}', ':', '~', '=', '*', '\\', 'é', '🥔') })

describe('the names of a key on a cluster', () => {
  it('D10: share the slot of its value, whatever braces it has', () => {
    const space = new Keyspace('cashews:', true)
    let wrong = 0
    let count = 0
    fc.assert(
      fc.property(keys, (key) => {
        count++
        const slot = slotOf(space.value(key))
        if (slotOf(space.lock(key)) !== slot || slotOf(space.lease(key)) !== slot) wrong++
      }),
      { numRuns: 100_000 },
    )
    process.stdout.write(
      `${JSON.stringify({ id: 'D10', promise: 'same slot', measured: { count, wrong }, pass: wrong === 0 })}\n`,
    )
    expect(wrong).toBe(0)
  })

  it.each([true, false])('lead back to the key, and to no other (on a cluster: %s)', (isCluster) => {
    const space = new Keyspace('cashews:', isCluster)
    fc.assert(
      fc.property(keys, keys, (key, other) => {
        expect(space.keyOf(space.value(key))).toBe(key)
        expect(space.keyOfLease(space.lease(key))).toBe(key)
        for (const name of [space.lock(key), space.value(key)]) expect(space.keyOfLease(name)).toBeUndefined()
        for (const name of [space.lock(key), space.lease(key)]) {
          expect(space.keyOf(name)).toBeUndefined()
          expect(name).not.toBe(space.value(other))
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the name of a value', () => {
  it('is its key after the namespace, and escaped only if it could be taken for that of a lock', () => {
    const space = new Keyspace('app:', false)
    expect([space.value('a~'), space.value('~a')]).toEqual(['app:a~', 'app:~=~a'])
    expect([space.lock('a'), space.lease('a')]).toEqual(['app:~lock:a', 'app:~lease:a'])
    expect(space.slot('a')).toBeUndefined()
    expect(space.isPinned).toBe(false)
  })

  it.each(['\ud800', 'a'.repeat(65_537)])(
    'cannot be made of a key that Redis cannot hold, nor that of a lock',
    (key) => {
      const space = new Keyspace('app:', true)
      for (const name of [space.value, space.lock]) expect(() => name.call(space, key)).toThrow(CommandError)
      expect(new Keyspace('app:', true).value('a'.repeat(65_536))).toHaveLength(65_540)
    },
  )

  it('is in one slot with all others if the namespace has a hash tag', () => {
    const space = new Keyspace('{app}:', true)
    expect([space.value('a'), space.lock('a')]).toEqual(['{app}:a', '{app}:~lock:a'])
    expect(space.slot('a')).toBeUndefined()
    expect(space.isPinned).toBe(true)
  })
})
