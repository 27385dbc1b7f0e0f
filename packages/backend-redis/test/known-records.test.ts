import { describe, expect, it } from 'vitest'
import { KnownRecords, noteStamps, type RecordsOfTags } from '../src/tags/known-records.ts'
import { joinHead, joinTags, splitTags } from '../src/tags/tagged-bytes.ts'

const FOREVER = Number.POSITIVE_INFINITY

const known = () => new KnownRecords((key) => `name:${key}`)
const note = ({ records }: RecordsOfTags, ...told: [stamp: string, left: number][]) =>
  noteStamps(
    records,
    told.map(([stamp]) => stamp),
    told.map(([, left]) => left),
    1_000,
  )

/** The stamps of a value that is written under tags and lives until a moment. */
const stampsUntil = (tags: RecordsOfTags, until: number) => String(tags.headUntil(until)).slice(12)

describe('the records that are known', () => {
  it('have their names in the store, and the JSON of their tags', () => {
    const [first, second] = known().of(['x', '"é']).records
    expect(first).toMatchObject({ name: 'name:\0tag\0=x', json: '"x"' })
    expect(second).toMatchObject({ name: 'name:\0tag\0="é', json: '"\\"é"' })
  })

  it('come after the names of the key that has their tags', () => {
    const tags = known().of(['x', 'y'])
    const records = ['name:\0tag\0=x', 'name:\0tag\0=y']
    for (const key of ['a', 'b', 'a', 'a']) {
      expect(tags.namesToRead(key, (key) => key)).toEqual([key, ...records])
      expect(tags.namesToWrite(key, (key) => [key, `lease:${key}`])).toEqual([key, `lease:${key}`, ...records])
    }
  })

  it('come after those of each key that is only read, or only written', () => {
    const [read, written] = [known().of(['x']), known().of(['x'])]
    for (const key of ['a', 'b']) {
      expect(read.namesToRead(key, (key) => key)).toEqual([key, 'name:\0tag\0=x'])
      expect(written.namesToWrite(key, (key) => [key, 'lease'])).toEqual([key, 'lease', 'name:\0tag\0=x'])
    }
  })

  it('include the record of all tags', () => {
    const any = known().of('any')
    expect(any.tags).toEqual([])
    expect(any.namesToWrite('a', (key) => [key, 'lease'])).toEqual(['a', 'lease', 'name:\0tag\0*'])
  })

  it('are certain to hold a stamp for as long as they live with it', () => {
    const tags = known().of(['x', 'y'])
    note(tags, ['a', 100], ['b', -1])
    expect(tags.last(['a', 'b'], 1_100)).toBe(true)
    expect(tags.last(['a', 'b'], 1_101)).toBe(false)
    expect(tags.last(['a', 'other'], 1_100)).toBe(false)
    note(tags, ['a', 0], ['b', -1])
    expect(tags.last(['a', 'b'], 1_000)).toBe(true)
    expect(tags.last(['a', 'b'], 1_001)).toBe(false)
  })

  it('make a head with the stamps that a value should have', () => {
    const tags = known().of(['x', 'y'])
    note(tags, ['a', 100], ['b', -1])
    tags.headUntil(1_000)
    for (const stamps of [
      ['a', 'b'],
      ['a', 'c'],
    ])
      expect(String(tags.headWith(stamps)).slice(12)).toBe(JSON.stringify([stamps, ['x', 'y']]))
  })

  it('give a value their stamps if all of them outlive it', () => {
    const all = known()
    const tags = all.of(['the x', '"y"'])
    note(tags, ['a', 100], ['b', -1])
    expect(stampsUntil(tags, 1_100)).toBe('[["a","b"],["the x","\\"y\\""]]')
    expect(stampsUntil(tags, 1_101)).toBe('[[],["the x","\\"y\\""]]')
    expect(stampsUntil(tags, FOREVER)).toBe('[[],["the x","\\"y\\""]]')
    expect(stampsUntil(all.of(['"y"']), FOREVER)).toBe('[["b"],["\\"y\\""]]')
  })

  it('give it no stamps if one of them is unknown', () => {
    const all = known()
    note(all.of(['x']), ['a', 100])
    expect(stampsUntil(all.of(['x', 'y']), 1)).toBe('[[],["x","y"]]')
    expect(stampsUntil(all.of(['x']), FOREVER)).toBe('[[],["x"]]')
  })

  it('are forgotten before they become too many', () => {
    const all = known()
    note(all.of(['first']), ['a', -1])
    for (let at = 1; at < 8_192; at++) all.of([`many:${at}`])
    expect(stampsUntil(all.of(['first']), 1)).toBe('[["a"],["first"]]')
    all.of(['one more'])
    expect(stampsUntil(all.of(['first']), 1)).toBe('[[],["first"]]')
  })
})

describe('bytes with tags', () => {
  const stored = joinTags(
    [
      ['users', 'aaa.0:0'],
      ['user:1', 'aaa.1:0'],
    ],
    'value',
  )
  const records = (...texts: string[]) => texts.map((text) => Buffer.from(text))
  /** The value, if it is as fresh as what the records of these tags hold. */
  const fresh = (bytes: Buffer, tags: readonly string[], held: (Buffer | null)[], from = 0, all = known()) => {
    const end = all.of(tags).endOfHead(bytes, held, from)
    return end > 0 ? String(bytes.subarray(end)) : undefined
  }

  it('are fresh while each record has the stamp they were stored with', () => {
    expect(fresh(stored, ['users', 'user:1'], records('aaa.0:0', 'aaa.1:0'))).toBe('value')
  })

  it('are compared with the records that were just read, not with earlier ones', () => {
    const all = known()
    const read = (...texts: string[]) => fresh(stored, ['users', 'user:1'], records(...texts), 0, all)
    expect(read('aaa.0:0', 'aaa.1:0')).toBe('value')
    expect(read('aaa.0:0', 'aaa.1:1')).toBeUndefined()
    expect(read('aaa.0:0', 'aaa.1:0')).toBe('value')
    expect(read('aaa.2:0', 'aaa.1:0')).toBeUndefined()
  })

  it('are fresh as written, if the record is known', () => {
    const all = known()
    const tags = all.of(['é', 'y'])
    note(tags, ['a', -1], ['b', -1])
    const written = joinHead(tags.headUntil(FOREVER), 'value')
    expect(fresh(written, ['é', 'y'], records('a', 'b'))).toBe('value')
    expect(splitTags(written)?.stamps).toEqual([
      ['é', 'a'],
      ['y', 'b'],
    ])
  })

  it('are fresh if the records are read among others', () => {
    const held = records('other', 'aaa.0:0', 'aaa.1:0', 'other')
    expect(fresh(stored, ['users', 'user:1'], held, 1)).toBe('value')
  })

  it('are fresh if a record was made for a load', () => {
    expect(fresh(stored, ['users', 'user:1'], records('~aaa.0:0', 'aaa.1:0'))).toBe('value')
  })

  it('are not fresh if a record is another one, longer, shorter, or gone', () => {
    for (const first of ['aab.0:0', 'aaa.0:1', 'aaa.0:00', 'aaa.0:', ''])
      expect(fresh(stored, ['users', 'user:1'], records(first, 'aaa.1:0'))).toBeUndefined()
    expect(fresh(stored, ['users', 'user:1'], [Buffer.from('aaa.0:0'), null])).toBeUndefined()
    expect(fresh(stored, ['users', 'user:1'], records('aaa.0:0'))).toBeUndefined()
  })

  it('are not fresh if they have other tags, more, fewer, or none', () => {
    const held = records('aaa.0:0', 'aaa.1:0', 'aaa.2:0')
    for (const others of [['users', 'user:2'], ['user:1', 'users'], ['users'], ['users', 'user:1', 'x']])
      expect(fresh(stored, others, held)).toBeUndefined()
    expect(fresh(Buffer.from('value'), ['users', 'user:1'], held)).toBeUndefined()
  })

  it('distinguish tags beyond ASCII that have the same bytes', () => {
    const shared = joinTags([['Ã', 'aaa.0:0']], 'value')
    expect(fresh(shared, ['Ã'], records('aaa.0:0'))).toBe('value')
    expect(fresh(shared, ['Ã\u0083'], records('aaa.0:0'))).toBeUndefined()
  })

  it('distinguish one tag from several', () => {
    expect(fresh(stored, ['users","user:1'], records('aaa.0:0","aaa.1:0'))).toBeUndefined()
    const escaped = joinTags([['a\\b', 'aaa.0:0']], 'value')
    expect(fresh(escaped, ['a\\\\b'], records('aaa.0:0'))).toBeUndefined()
    expect(fresh(escaped, ['a\\b'], records('aaa.0:0'))).toBe('value')
  })
})
