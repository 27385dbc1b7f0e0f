import { describe, expect, it } from 'vitest'
import { KnownStamps } from '../src/known-stamps.ts'
import { monotonicNow } from '../src/monotonic.ts'

const records = [{ key: 'x' }, { key: 'y' }]

describe('the stamps that are known', () => {
  it('are told while all records outlive the value', () => {
    const known = new KnownStamps()
    known.note(records, [1, Buffer.from('a'), 100_000, Buffer.from('b'), -1], monotonicNow() - 40_000)
    expect(known.outliving(50_000, records)).toBe('a","b')
    expect(known.outliving(70_000, records)).toBe('')
    expect(known.outliving(Number.POSITIVE_INFINITY, records)).toBe('')
    expect(known.outliving(Number.POSITIVE_INFINITY, [{ key: 'y' }])).toBe('b')
  })

  it('are none where one record is not known', () => {
    const known = new KnownStamps()
    known.note(records, [2, Buffer.from('a'), 100_000], monotonicNow())
    expect(known.outliving(1, [{ key: 'x' }])).toBe('a')
    expect(known.outliving(1, records)).toBe('')
  })

  it('are forgotten before they become too many', () => {
    const known = new KnownStamps()
    const note = (key: string) => known.note([{ key }], [1, Buffer.from('a'), -1], 0)
    for (let nth = 0; nth <= 8_192; nth++) note(`many:${nth}`)
    expect(known.outliving(1, [{ key: 'many:0' }])).toBe('')
    expect(known.outliving(1, [{ key: 'many:8192' }])).toBe('a')
  })
})
