import { hashBytes } from '@cashews/bloom'
import { describe, expect, it } from 'vitest'

const hex = (words: Uint32Array) => [...words].map((word) => word.toString(16).padStart(8, '0')).join(' ')
const hashOf = (text: string) => {
  const bytes = new TextEncoder().encode(text)
  return hex(hashBytes(bytes))
}

describe('the hash of elements', () => {
  it('is MurmurHash3 x86 32-bit, by the verification value of SMHasher', () => {
    const hashes = Array.from({ length: 256 }, (_, length) => {
      const key = Uint8Array.from({ length }, (_, at) => at)
      return [...new Uint8Array(new Uint32Array([hashBytes(key, 256 - length)[0] as number]).buffer)]
    }).flat()
    expect(hashBytes(Uint8Array.from(hashes))[0]).toBe(0xb0f57ee3)
  })

  it.each([
    ['', '00000000 ebb6c228'],
    ['hello', '248bfa47 5d7f56e8'],
    ['Hello, world!', 'c0363e43 24884cba'],
    ['The quick brown fox jumps over the lazy dog', '2e4ff723 2fa826cd'],
    ['grüße', '54937e4a a0289dfa'],
    ['日本語 🥔', '74d2b1a2 2672ddac'],
  ])('of %j never changes', (text, expected) => {
    expect(hashOf(text)).toBe(expected)
  })
})
