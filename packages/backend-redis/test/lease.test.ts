import { describe, expect, it } from 'vitest'
import { holds, leaseIn, newLease } from '../src/leases/lease.ts'

describe('a lease', () => {
  it('has a name of its own', () => {
    expect(newLease()).not.toBe(newLease())
  })

  it('is the one that was offered, or the one in the reply', () => {
    expect(leaseIn(1, 'own:0:1')).toBe('own:0:1')
    expect(leaseIn([Buffer.from('other:0:2')], 'own:0:1')).toBe('other:0:2')
  })

  it.each([
    ['alone', 'a:0:1', 'a:0:1', true],
    ['while others load too', 'a:0:1', 'a:0:3', true],
    ['after one that began before has stored', 'a:0:10', 'a:9:11', true],
    ['once it has stored itself', 'a:0:10', 'a:10:11', true],
    ['not after one that began later has stored', 'a:0:9', 'a:10:11', false],
    ['not of another name', 'a:0:1', 'b:0:1', false],
  ])('holds %s', (_, lease, held, isHeld) => {
    expect(holds(lease, held)).toBe(isHeld)
  })
})
