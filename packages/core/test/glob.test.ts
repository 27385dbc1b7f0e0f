import { compileGlob, escapeGlob } from '@cashews/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const matches = (pattern: string, key: string): boolean => compileGlob(pattern)(key)

describe('a glob', () => {
  it.each([
    ['key', ['key'], ['', 'ke', 'keys', 'akey', 'KEY']],
    ['', [''], ['a']],
    ['*', ['', 'a', 'a\nb', '🔑'], []],
    ['user:*', ['user:', 'user:1', 'user:1:name'], ['user', 'xuser:1']],
    ['*:name', [':name', 'user:1:name'], ['name', 'user:name:1']],
    ['a*b*c', ['abc', 'a1b2c', 'abbcc', 'abcbc'], ['ab', 'acb', 'abcd']],
    ['a**b', ['ab', 'axb'], ['a']],
    ['?', ['a', '*', ':'], ['', 'ab']],
    ['a?c', ['abc', 'a?c'], ['ac', 'abbc']],
    ['[abc]', ['a', 'c'], ['d', 'ab', '']],
    ['[a-c]x', ['ax', 'cx'], ['dx', '-x']],
    ['[c-a]', ['a', 'b', 'c'], ['d']],
    ['[^a-c]', ['d', '^'], ['a', 'c', '']],
    ['[\\]-]', [']', '-'], ['\\']],
    ['[a\\-c]', ['a', '-', 'c'], ['b']],
    ['[]', [], ['', ']']],
    ['[abc', ['a', 'c'], ['d', '[']],
    ['\\*', ['*'], ['a', '\\*']],
    ['\\?\\[\\]\\\\', ['?[]\\'], ['a']],
    ['a\\', ['a\\'], ['a']],
    ['a.b', ['a.b'], ['axb']],
    ['a(b', ['a(b'], ['a']],
    ['a+$^|{}', ['a+$^|{}'], ['aa']],
  ])('%j matches whole keys', (pattern, yes, no) => {
    for (const key of yes) expect([pattern, key, matches(pattern, key)]).toEqual([pattern, key, true])
    for (const key of no) expect([pattern, key, matches(pattern, key)]).toEqual([pattern, key, false])
  })

  it('matches exactly the text that was escaped', () => {
    const text = fc.string({ unit: fc.constantFrom('*', '?', '[', ']', '\\', '^', '-', 'a', 'b') })
    fc.assert(fc.property(text, text, (key, other) => matches(escapeGlob(key), other) === (key === other)))
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (key) => matches(escapeGlob(key), key)))
    fc.assert(fc.property(text, fc.string(), (key, rest) => matches(`${escapeGlob(key)}*`, key + rest)))
  })

  it('agrees with a regular expression if it has only stars and question marks', () => {
    const pattern = fc.string({ unit: fc.constantFrom('*', '?', 'a', 'b') })
    const key = fc.string({ unit: fc.constantFrom('a', 'b') })
    fc.assert(
      fc.property(pattern, key, (pattern, key) => {
        const same = new RegExp(`^${pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`)
        return matches(pattern, key) === same.test(key)
      }),
    )
  })

  it('matches even the worst patterns quickly', () => {
    const started = process.cpuUsage()
    expect(matches(`${'a*'.repeat(50)}b`, 'a'.repeat(10_000))).toBe(false)
    expect(matches(`${'*a'.repeat(50)}?`, 'a'.repeat(40))).toBe(false)
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(500)
  })
})
