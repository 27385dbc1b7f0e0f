import { describe, expect, it } from 'vitest'
import { HmacKey } from '../src/hmac.ts'

/** RFC 4231, test cases 1 to 4. */
const VECTORS = [
  {
    key: Buffer.alloc(20, 0x0b),
    data: Buffer.from('Hi There'),
    sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    sha512:
      '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  },
  {
    key: Buffer.from('Jefe'),
    data: Buffer.from('what do ya want for nothing?'),
    sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    sha512:
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  },
  {
    key: Buffer.alloc(20, 0xaa),
    data: Buffer.alloc(50, 0xdd),
    sha256: '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    sha512:
      'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
  },
  {
    key: Buffer.from(Array.from({ length: 25 }, (_, at) => at + 1)),
    data: Buffer.alloc(50, 0xcd),
    sha256: '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    sha512:
      'b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd',
  },
] as const

describe.each(['sha256', 'sha512'] as const)('HMAC by %s', (algorithm) => {
  it.each(VECTORS)('answers the tag of RFC 4231 for $data.length bytes', ({ key, data, ...tags }) => {
    const hmac = new HmacKey(algorithm, key)
    const message = Buffer.concat([hmac.prefix, data])
    expect(hmac.tagOf(message).toString('hex')).toBe(tags[algorithm])
    expect(hmac.tagOf(message).toString('hex'), 'once more').toBe(tags[algorithm])
  })
})
