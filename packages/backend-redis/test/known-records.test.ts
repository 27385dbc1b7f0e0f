import { describe, expect, it } from 'vitest'
import { KnownRecords, noteStamps, thoughtHead } from '../src/known-records.ts'

const known = () => new KnownRecords((key) => `name:${key}`)

describe('the records that are known', () => {
  it('have their names in the store, and the JSON of their tags', () => {
    const [first, second] = known().of(['x', '"é'])
    expect(first).toMatchObject({ name: 'name:\0tag\0=x', json: '"x"', jsonBytes: Buffer.from('"x"') })
    expect(second).toMatchObject({ name: 'name:\0tag\0="é', json: '"\\"é"', jsonBytes: Buffer.from('"\\"é"') })
  })

  it('give a value their stamps while all of them outlive it', () => {
    const records = known().of(['the x', '"y"'])
    noteStamps(records, [1, Buffer.from('a'), 100, Buffer.from('b'), -1], 1_000)
    expect(thoughtHead(records, 1_100)).toBe('[["a","b"],["the x","\\"y\\""]]')
    expect(thoughtHead(records, 1_101)).toBe('[[],["the x","\\"y\\""]]')
    expect(thoughtHead(records, Number.POSITIVE_INFINITY)).toBe('[[],["the x","\\"y\\""]]')
    expect(thoughtHead(records.slice(1), Number.POSITIVE_INFINITY)).toBe('[["b"],["\\"y\\""]]')
  })

  it('give it none where one is not known', () => {
    const records = known().of(['x', 'y'])
    noteStamps(records.slice(0, 1), [2, Buffer.from('a'), 100], 0)
    expect(thoughtHead(records, 1)).toBe('[[],["x","y"]]')
    expect(thoughtHead(records.slice(0, 1), Number.POSITIVE_INFINITY)).toBe('[[],["x"]]')
  })

  it('are forgotten before they become too many', () => {
    const all = known()
    noteStamps(all.of(['first']), [1, Buffer.from('a'), -1], 0)
    for (let at = 1; at < 8_192; at++) all.of([`many:${at}`])
    expect(thoughtHead(all.of(['first']), 1)).toBe('[["a"],["first"]]')
    all.of(['one more'])
    expect(thoughtHead(all.of(['first']), 1)).toBe('[[],["first"]]')
  })
})
