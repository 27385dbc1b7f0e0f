import { describe, expect, it } from 'vitest'
import { freshBytes, joinTags } from '../src/tagged-bytes.ts'

const stamps = [
  ['users', 'aaa.0:0'],
  ['user:1', 'aaa.1:0'],
] as const
const tags = ['users', 'user:1']
const stored = joinTags(stamps, 'value')
const records = (...texts: string[]) => texts.map((text) => Buffer.from(text))

describe('bytes with tags', () => {
  it('are fresh while each record holds the stamp they were stored with', () => {
    expect(String(freshBytes(stored, tags, records('aaa.0:0', 'aaa.1:0')))).toBe('value')
  })

  it('are fresh with a record that was made for a load', () => {
    expect(String(freshBytes(stored, tags, records('~aaa.0:0', 'aaa.1:0')))).toBe('value')
  })

  it('are not fresh when a record is another one, longer, shorter, or gone', () => {
    for (const first of ['aab.0:0', 'aaa.0:1', 'aaa.0:00', 'aaa.0:', ''])
      expect(freshBytes(stored, tags, records(first, 'aaa.1:0'))).toBeUndefined()
    expect(freshBytes(stored, tags, [Buffer.from('aaa.0:0'), null])).toBeUndefined()
  })

  it('are not fresh when they have other tags, more, fewer, or none', () => {
    expect(freshBytes(stored, ['users', 'user:2'], records('aaa.0:0', 'aaa.1:0'))).toBeUndefined()
    expect(freshBytes(stored, ['user:1', 'users'], records('aaa.1:0', 'aaa.0:0'))).toBeUndefined()
    expect(freshBytes(stored, ['users'], records('aaa.0:0'))).toBeUndefined()
    expect(freshBytes(stored, [...tags, 'x'], records('aaa.0:0', 'aaa.1:0', 'aaa.2:0'))).toBeUndefined()
    expect(freshBytes(Buffer.from('value'), tags, records('aaa.0:0', 'aaa.1:0'))).toBeUndefined()
  })

  it('do not take one tag beyond ASCII for another that has its bytes', () => {
    const shared = joinTags([['Ã', 'aaa.0:0']], 'value')
    expect(freshBytes(shared, ['Ã\u0083'], records('aaa.0:0'))).toBeUndefined()
  })

  it('do not take a tag for others that JSON writes as it is', () => {
    const twoTags = joinTags([...stamps], 'value')
    expect(freshBytes(twoTags, ['users","user:1'], records('aaa.0:0","aaa.1:0'))).toBeUndefined()
    const escaped = joinTags([['a\\b', 'aaa.0:0']], 'value')
    expect(freshBytes(escaped, ['a\\\\b'], records('aaa.0:0'))).toBeUndefined()
  })
})
