import { hashBytes } from '@cashews/bloom'
import { describe, expect, it } from 'vitest'

const hex = (words: Uint32Array) => [...words].map((word) => word.toString(16).padStart(8, '0')).join('')
const hashOf = (text: string) => {
  const bytes = new TextEncoder().encode(text)
  return hex(hashBytes(bytes))
}

describe('the hash of elements', () => {
  it('is MurmurHash3 x86 128-bit: SMHasher verifies it', () => {
    const hashes = Array.from({ length: 256 }, (_, length) => {
      const key = Uint8Array.from({ length }, (_, at) => at)
      return [...new Uint8Array(new Uint32Array(hashBytes(key, 256 - length)).buffer)]
    }).flat()
    expect(hashBytes(Uint8Array.from(hashes))[0]).toBe(0xb3ece62a)
  })

  it.each([
    ['', '00000000000000000000000000000000'],
    ['hello', '2b2444a0db91def79adb31b69adb31b6'],
    ['The quick brown fox jumps over the lazy dog', '2f1583c3ecee2c675d7bf66ce5e91d2c'],
    ['grüße', '0f84cef3326f5a7a6b4b37086b4b3708'],
    ['日本語 🥔', 'fccd8dad155adac474574ae72f8afb50'],
  ])('of %j stays what it is', (text, expected) => {
    expect(hashOf(text)).toBe(expected)
  })
})
