import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { slotOf } from '../src/keys/slot.ts'

const names = fc.string({ unit: fc.constantFrom('a', 'b', '{', '}', ':', 'é', '🥔') })

/** As the Redis Cluster specification has it, bit by bit. */
function slotBySpecification(name: string): number {
  const tag = /^[^{]*\{([^}]+)\}/.exec(name)?.[1]
  let crc = 0
  for (const byte of Buffer.from(tag ?? name)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1
  }
  return crc % 16_384
}

describe('the slot of a name', () => {
  it('is the one that the specification gives as an example', () => {
    expect(slotOf('123456789')).toBe(0x31c3 % 16_384)
  })

  it('is that of its first hash tag, or of the whole name if that is empty or missing', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(slotOf(name)).toBe(slotBySpecification(name))
      }),
      { numRuns: 10_000 },
    )
  })
})
