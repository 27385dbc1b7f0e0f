import { entityTag, isNotModified, namesTag, notModifiedFields } from '@cashews/http'
import { describe, expect, it } from 'vitest'

describe('an entity tag', () => {
  it('is weak, and the same for the same content of the same type', () => {
    expect(entityTag('a', 'text/plain')).toMatch(/^W\/"[\w-]{24}"$/)
    expect(entityTag('a', 'text/plain')).toBe(entityTag(Buffer.from('a'), 'text/plain'))
  })

  it('differs with the content and with the type', () => {
    const tags = [
      entityTag('a', 'text/plain'),
      entityTag('b', 'text/plain'),
      entityTag('a', 'text/html'),
      entityTag(''),
    ]
    expect(new Set(tags).size).toBe(4)
  })

  // RFC 9110 §13.1.2, §8.8.3.2
  it.each([
    ['"a"', '"a"', true],
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    ['"b"', '"a"', false],
    ['"b", W/"a"', '"a"', true],
    ['"b","c" , "a"', '"a"', true],
    ['"a,b"', '"a,b"', true],
    ['"a,b"', '"a', false],
    ['"back\\"', '"back\\"', true],
    ['"back\\", "a"', '"a"', true],
    ['*', '"a"', true],
    ['*, "b"', '"a"', false],
    ['"*"', '"a"', false],
    ['a', '"a"', false],
    ['a', 'a', false],
    ['w/"a"', '"a"', false],
    ['"a', '"a"', false],
    ['', '"a"', false],
  ])('is named by If-None-Match: %s against %s: %s', (list, tag, expected) => {
    expect(namesTag(list, tag)).toBe(expected)
  })

  it('is not named where there is none', () => {
    expect(namesTag('*', undefined)).toBe(false)
  })
})

describe('a response', () => {
  const day = (day: number) => `Mon, 0${day} Jun 2026 00:00:00 GMT`
  const has = { etag: '"a"', 'last-modified': day(1) }

  it('is not sent again to a client that has it', () => {
    expect(isNotModified('GET', 200, { 'if-none-match': '"a"' }, has)).toBe(true)
    expect(isNotModified('HEAD', 200, { 'if-none-match': '"a"' }, has)).toBe(true)
    expect(isNotModified('GET', 200, { 'if-modified-since': day(1) }, has)).toBe(true)
    expect(isNotModified('GET', 200, { 'if-modified-since': day(8) }, { date: day(8) })).toBe(true)
  })

  it('is sent where nothing says that the client has it', () => {
    expect(isNotModified('GET', 200, {}, has)).toBe(false)
    expect(isNotModified('GET', 200, { 'if-none-match': '"b"' }, has)).toBe(false)
    expect(isNotModified('GET', 200, { 'if-modified-since': 'yesterday' }, has)).toBe(false)
    expect(isNotModified('GET', 200, { 'if-modified-since': day(1) }, { 'last-modified': day(8) })).toBe(false)
  })

  it('is judged by its tag where the client names tags, whatever the date', () => {
    expect(isNotModified('GET', 200, { 'if-none-match': '"b"', 'if-modified-since': day(8) }, has)).toBe(false)
  })

  it.each([
    ['POST', 200],
    ['PUT', 200],
    ['GET', 500],
    ['GET', 404],
    ['GET', 401],
    ['GET', 206],
    ['GET', 302],
  ])('to %s with status %i is always sent', (method, status) => {
    expect(isNotModified(method, status, { 'if-none-match': '*' }, has)).toBe(false)
  })

  it('that is not sent keeps what a cache has to know, and says nothing of a content', () => {
    const kept = {
      ...has,
      vary: 'Accept',
      'cache-control': 'max-age=1',
      date: day(1),
      'content-location': '/b',
      expires: day(1),
      'set-cookie': ['a=1'],
    }
    const gone = {
      'content-type': 'text/plain',
      'content-length': '1',
      'content-encoding': 'gzip',
      'content-language': 'en',
      'content-range': 'x',
      'transfer-encoding': 'chunked',
    }
    expect(notModifiedFields({ ...kept, ...gone })).toEqual(kept)
  })
})
