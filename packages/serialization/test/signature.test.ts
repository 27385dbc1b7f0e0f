import { createHmac, hkdfSync } from 'node:crypto'
import { createSerializer } from '@cashews/serialization'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const SECRET = 'a secret that nobody else knows!'
const SIZES = { sha256: 32, sha512: 64 } as const

/** What `docs/envelope.md` says that a tag covers. */
function coveredBy(key: string, envelope: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(Buffer.byteLength(key))
  return Buffer.concat([Buffer.from('cashews/v1'), size, Buffer.from(key), envelope])
}

describe.each(['sha256', 'sha512'] as const)('a signature by %s', (signature) => {
  const serializer = createSerializer({ secret: SECRET, signature })
  const signing = Buffer.from(hkdfSync('sha256', SECRET, '', 'cashews:sign', 32))

  it('is the HMAC of the key and all that is stored, whatever their size', () => {
    const key = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant('k'.repeat(2_700)))
    const value = fc.oneof(
      fc.string(),
      fc.nat({ max: 9_000 }).map((size) => 'x'.repeat(size)),
      fc.constant('x'.repeat(70_000)),
    )
    fc.assert(
      fc.property(key, value, (name, text) => {
        const stored = serializer.encode(name, text) as Buffer
        const [envelope, tag] = [stored.subarray(0, -SIZES[signature]), stored.subarray(-SIZES[signature])]
        expect(tag).toEqual(createHmac(signature, signing).update(coveredBy(name, envelope)).digest())
      }),
      { numRuns: 200 },
    )
  })
})
