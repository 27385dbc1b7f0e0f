import { describe, expect, it } from 'vitest'
import { KnownStamps } from '../src/known-stamps.ts'

const x = { key: 'x', tag: 'the x' }
const y = { key: 'y', tag: '"y"' }
const records = [x, y]
const unknown = (...tags: string[]) => ({ stamps: '', head: JSON.stringify([tags, []]) })

describe('the stamps that are known', () => {
  it('are told while all records outlive the value', () => {
    const known = new KnownStamps()
    known.note(records, [1, Buffer.from('a'), 100, Buffer.from('b'), -1], 1_000)
    expect(known.thought(records, 1_100)).toEqual({ stamps: 'a","b', head: '[["the x","\\"y\\""],["a","b"]]' })
    expect(known.thought(records, 1_101)).toEqual(unknown('the x', '"y"'))
    expect(known.thought(records, Number.POSITIVE_INFINITY)).toEqual(unknown('the x', '"y"'))
    expect(known.thought([y], Number.POSITIVE_INFINITY)).toEqual({ stamps: 'b', head: '[["\\"y\\""],["b"]]' })
  })

  it('are none where one record is not known', () => {
    const known = new KnownStamps()
    known.note(records, [2, Buffer.from('a'), 100], 0)
    expect(known.thought([x], 1)).toEqual({ stamps: 'a', head: '[["the x"],["a"]]' })
    expect(known.thought(records, 1)).toEqual(unknown('the x', '"y"'))
  })

  it('are forgotten before they become too many', () => {
    const known = new KnownStamps()
    const nth = (nth: number) => [{ key: `many:${nth}`, tag: 'many' }]
    for (let at = 0; at <= 8_192; at++) known.note(nth(at), [1, Buffer.from('a'), -1], 0)
    expect(known.thought(nth(0), 1)).toEqual(unknown('many'))
    expect(known.thought(nth(8_192), 1)).toEqual({ stamps: 'a', head: '[["many"],["a"]]' })
  })
})
