import { ValueError } from '@cashews/core'
import { rawOf } from '@cashews/serialization'
import { describe, expect, it } from 'vitest'

describe('what setRaw of a store of bytes writes', () => {
  it('is bytes or text', () => {
    expect(rawOf('text')).toBe('text')
    expect(rawOf(new Uint8Array([1, 2]))).toEqual(Buffer.from([1, 2]))
  })

  it.each([[5], [null], [undefined], [{ a: 1 }], [[1, 2]]])(
    'is never %j, which would be written as something else',
    (value) => {
      expect(() => rawOf(value)).toThrow(ValueError)
    },
  )
})
