import { describe, expect, it } from 'vitest'
import { KeyTemplateError } from '../../src/errors.ts'
import { keyOf } from './key-of.ts'

const find = (request: unknown, page: unknown) => [request, page]
const rendered = (key: string, ...args: unknown[]): string => keyOf(find, { key }, ...args)

describe('a template', () => {
  it.each([
    ['plain', [], 'plain'],
    ['item:{page}', [0, 'two'], 'item:two'],
    ['{request}:{page}', ['a', 'b'], 'a:b'],
    ['{0}:{1}', ['a', 'b'], 'a:b'],
    ['{request.user.name}', [{ user: { name: 'bob' } }], 'bob'],
    ['{0.user.name}', [{ user: { name: 'bob' } }], 'bob'],
    ['{request[user]["name"][\'first\']}', [{ user: { name: { first: 'bob' } } }], 'bob'],
    ['{request[0]}', [['first']], 'first'],
    ['{request["a.b]:c"]}', [{ 'a.b]:c': 'yes' }], 'yes'],
    ['{request.naïve$_1}', [{ naïve$_1: 'yes' }], 'yes'],
    ['{request.length}', ['four'], '#4'],
    ['{request?.user?.name}', [undefined], '#undefined'],
    ['{request?.user?.name}', [{ user: null }], '#undefined'],
    ['{request?.user?.name}', [{ user: { name: 'bob' } }], 'bob'],
    ['{request?.user?.name}', [{}], '#undefined'],
    ['{request?.user?.name}', [{ user: {} }], '#undefined'],
    ['{request?.size}', [42], '#undefined'],
    ['{request.user}', [{ user: undefined }], '#undefined'],
    ['{request.user}', [{ user: null }], '#null'],
    ['{request:raw}', [42], '42'],
    ['{request:raw}:{page:raw}', ['a:b*', 'c'], 'a:b*:c'],
    ['{request:raw}-{page}', ['a-b', 'c'], 'a-b-c'],
    ['{request:raw}', [[1, 'a:b']], '(1,a:b)'],
    ['{request:raw}', [new Date(0)], '1970-01-01T00:00:00.000Z'],
    ['{request:raw}', [undefined], '#undefined'],
    ['{{literal}}:{page}', [0, 'x'], '{literal}:x'],
    ['{{{page}}}', [0, 'x'], '{x}'],
    ['{request}-{page}', ['1-2', '3'], '1%2D2-3'],
    ['{request}-{page}', ['1', '2-3'], '1-2-3'],
    ['{request}{page}', ['ab', 'c'], 'ab,c'],
  ])('%s of %j gives %s', (key, args, text) => {
    expect(rendered(key, ...args)).toBe(text)
  })

  it('reads properties that a class defines', () => {
    class User {
      get id(): string {
        return 'u1'
      }
    }
    expect(rendered('{request.id}', new User())).toBe('u1')
  })

  it.each([
    ['item:{pge}', 'Unknown name "pge"', 'Parameters: request, page.', 6],
    ['{2}', 'Unknown name "2"', 'Parameters: request, page.', 1],
    ['{this.host}', 'Unknown name "this"', 'Parameters: request, page.', 1],
    ['a{', 'Stray "{"', 'or {{ and }} for braces', 1],
    ['a}b', 'Stray "}"', 'or {{ and }} for braces', 1],
    ['{page', 'Stray "{"', 'Write {name', 0],
    ['{pa{ge}', 'Stray "{"', 'Write {name', 0],
    ['a{}', 'Unexpected "}"', 'Write {name', 2],
    ['{.a}', 'Unexpected "."', 'Write {name', 1],
    ['{page!r}', 'Unexpected "!"', 'Write {name', 5],
    ['{page:>6}', 'Unexpected ":"', 'Write {name', 5],
    ['{page.}', 'Unexpected "."', 'Write {name', 5],
    ['{page[]}', 'Unexpected "["', 'Write {name', 5],
    ['{page:lower.x}', 'Unexpected "."', 'Write {name', 11],
    ['{page:raw.x}', 'Unexpected "."', 'Write {name', 9],
    ['{page:nosuch}', 'Unknown ":nosuch"', 'Formatters: lower, upper, len, get, json, hash, jwt', 5],
    ['{page:hash(md4)}', 'Unknown ":hash(md4)"', 'Hashes: md5, sha1, sha256, sha512', 5],
    ['{page:jwt}', 'Unknown ":jwt"', 'Write jwt(property)', 5],
    ['{page:get()}', 'Unknown ":get()"', 'Write get(property)', 5],
    ['{page.__proto__}', 'Forbidden "__proto__"', '', 5],
    ['{page.a[constructor]}', 'Forbidden "constructor"', '', 7],
    ['{page.a["prototype"]}', 'Forbidden "prototype"', '', 7],
    ['{page:get(__proto__)}', 'Unknown ":get(__proto__)"', '', 5],
  ])('%s is refused when it is defined: %s', (key, problem, valid, at) => {
    expect(() => rendered(key)).toThrow(KeyTemplateError)
    expect(() => rendered(key)).toThrow(`${problem} in the template\n  ${key}\n  ${' '.repeat(at)}^\n`)
    expect(() => rendered(key)).toThrow(valid)
  })

  it('finds a parameter that esbuild renamed, unless it is ambiguous', () => {
    expect(keyOf((request: unknown, page2: unknown) => [request, page2], { key: '{page}' }, 1, 'two')).toBe('two')
    const lines = (line1: unknown, line2: unknown) => [line1, line2]
    expect(() => keyOf(lines, { key: '{line}' }, 1, 2)).toThrow('Unknown name "line"')
    for (const fn of [(pageSize: unknown) => pageSize, (size2: unknown) => size2])
      expect(() => keyOf(fn, { key: '{page}' }, 1)).toThrow('Unknown name "page"')
  })

  it('cannot be empty', () => {
    expect(() => rendered('')).toThrow('A template cannot be empty')
    expect(() => keyOf(find, { key: '', prefix: 'early' })).toThrow('A template cannot be empty')
  })

  it.each([
    ['{request.user.id}', [{ user: {} }], 'There is no "id" in object'],
    ['{request.user.id}', [{ user: undefined }], 'There is no "id" in undefined'],
    ['{request.user.id}', [{ user: null }], 'There is no "id" in null'],
    ['{request.toString}', [null], 'There is no "toString" in null'],
    ['{request.id}', [new Map([['id', 1]])], ':get(id)'],
    ['{request[1]}', [['only']], 'There is no "1" in object'],
    ['{request.id}', [], '?.id'],
  ])('%s of %j fails in the call, naming the place', (key, args, message) => {
    expect(() => rendered(key, ...args)).toThrow(message)
    expect(() => rendered(key, ...args)).toThrow(`In ${key} of the template "${key}".`)
  })

  it('never runs a formatter to check itself', () => {
    expect(() => rendered('{request:jwt(client_id)}:{page.deep.path:hash(sha1)}', 'x')).toThrow('no claim')
  })

  it('is read once, so that a getter runs once for each call', () => {
    let reads = 0
    const request = {
      get id(): string {
        reads++
        return 'a'
      },
    }
    rendered('{request.id}', request)
    expect(reads).toBe(1)
  })
})

describe('an over-long key', () => {
  const long = (fill: string): string => rendered('item:{0}', fill.repeat(600))

  it('keeps its beginning and ends in its hash, at 512 units', () => {
    expect(long('a')).toMatch(/^item:a{466}:#sha256:[0-9a-f]{32}$/)
    expect(long('a')).toHaveLength(512)
    expect(long('寿')).toHaveLength(512)
  })

  it('is unchanged up to 512 units', () => {
    expect(rendered('{0}', 'a'.repeat(512))).toBe('a'.repeat(512))
    expect(rendered('{0}', 'a'.repeat(513))).toContain(':#sha256:')
  })

  it('differs from another that differs only at its end, and is stable', () => {
    expect(rendered('{0}', `${'a'.repeat(999)}b`)).not.toBe(rendered('{0}', `${'a'.repeat(999)}c`))
    expect(long('a')).toBe(long('a'))
  })

  it('is never cut inside a character', () => {
    for (const shift of ['', 'x']) expect(rendered('{0}', shift + '🍣'.repeat(600)).isWellFormed()).toBe(true)
  })
})
