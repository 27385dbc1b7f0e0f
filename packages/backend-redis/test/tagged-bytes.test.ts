import { describe, expect, it } from 'vitest'
import { freshBytes, joinTags } from '../src/tagged-bytes.ts'

const stamps = [
  ['users', 'aaa.0:0'],
  ['user:1', 'aaa.1:0'],
] as const
const text = (tag: string) => ({ jsonBytes: Buffer.from(JSON.stringify(tag)) })
const tags = [text('users'), text('user:1')]
const stored = joinTags(stamps, 'value')
const records = (...texts: string[]) => texts.map((text) => Buffer.from(text))

describe('bytes with tags', () => {
  it('are fresh while each record holds the stamp they were stored with', () => {
    expect(String(freshBytes(stored, tags, records('aaa.0:0', 'aaa.1:0')))).toBe('value')
  })

  it('are fresh with records that stand among others', () => {
    expect(String(freshBytes(stored, tags, records('other', 'aaa.0:0', 'aaa.1:0', 'other'), 1))).toBe('value')
  })

  it('are fresh with a record that was made for a load', () => {
    expect(String(freshBytes(stored, tags, records('~aaa.0:0', 'aaa.1:0')))).toBe('value')
  })

  it('are not fresh when a record is another one, longer, shorter, or gone', () => {
    for (const first of ['aab.0:0', 'aaa.0:1', 'aaa.0:00', 'aaa.0:', ''])
      expect(freshBytes(stored, tags, records(first, 'aaa.1:0'))).toBeUndefined()
    expect(freshBytes(stored, tags, [Buffer.from('aaa.0:0'), null])).toBeUndefined()
    expect(freshBytes(stored, tags, records('aaa.0:0'))).toBeUndefined()
  })

  it('are not fresh when they have other tags, more, fewer, or none', () => {
    expect(freshBytes(stored, [text('users'), text('user:2')], records('aaa.0:0', 'aaa.1:0'))).toBeUndefined()
    expect(freshBytes(stored, [text('user:1'), text('users')], records('aaa.0:0', 'aaa.1:0'))).toBeUndefined()
    expect(freshBytes(stored, [text('users')], records('aaa.0:0'))).toBeUndefined()
    expect(freshBytes(stored, [...tags, text('x')], records('aaa.0:0', 'aaa.1:0', 'aaa.2:0'))).toBeUndefined()
    expect(freshBytes(Buffer.from('value'), tags, records('aaa.0:0', 'aaa.1:0'))).toBeUndefined()
  })

  it('do not take one tag beyond ASCII for another that has its bytes', () => {
    const shared = joinTags([['Ã', 'aaa.0:0']], 'value')
    expect(String(freshBytes(shared, [text('Ã')], records('aaa.0:0')))).toBe('value')
    expect(freshBytes(shared, [text('Ã\u0083')], records('aaa.0:0'))).toBeUndefined()
  })

  it('do not take a tag for others', () => {
    expect(freshBytes(stored, [text('users","user:1')], records('aaa.0:0","aaa.1:0'))).toBeUndefined()
    const escaped = joinTags([['a\\b', 'aaa.0:0']], 'value')
    expect(freshBytes(escaped, [text('a\\\\b')], records('aaa.0:0'))).toBeUndefined()
    expect(String(freshBytes(escaped, [text('a\\b')], records('aaa.0:0')))).toBe('value')
  })
})
