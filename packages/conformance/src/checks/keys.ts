import { MISS } from '@cashews/core'
import { FOREVER, keysOf, same } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

/** Keys that a store may mix up: empty, blank, cut short, folded, escaped, taken for a pattern, a path or a property. */
const ODD = [
  ...[
    '',
    ' ',
    'a',
    'A',
    'a ',
    ' a',
    'aa',
    'a\u0000b',
    'a\nb',
    'a\r\nb',
    'a\tb',
    'a:b',
    'a::b',
    ':',
    'a*',
    '*',
    '?',
    'a?',
  ],
  ...['[a]', '[^b]', '\\', 'a\\*', '%', 'a%', '_', "'", '"', '`', '{a}', '{}', '$a', '../a', '/', '.', '0', '00', '-0'],
  ...[
    'null',
    'undefined',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'é',
    'e\u0301',
    '日本語',
    '👩‍👩‍👧',
    '👩',
  ],
  ...['x'.repeat(1_024), `${'x'.repeat(1_023)}y`],
]

/** The longest key that every store takes, in UTF-16 units. */
const LONGEST = 65_536

/** What may be a key. */
export const keys: CheckGroup = {
  name: 'keys',
  checks: [
    {
      title: 'a key is any text, the empty one too',
      async run({ backend }) {
        for (const key of ODD) {
          same(await backend.exists(key), false, `exists(${JSON.stringify(key)})`)
          await backend.set(key, 1, FOREVER)
          same(await backend.get(key), 1)
          same(await backend.incr(key, 1, FOREVER), 2)
          same(await backend.expire(key, 60_000), true)
          same(await backend.delete(key), true)
          same(await backend.exists(key), false)
        }
      },
    },
    {
      title: 'a key never reaches another key, whatever characters it holds',
      async run({ backend }) {
        await backend.setMany(
          ODD.map((key, at) => [key, at]),
          FOREVER,
        )
        same(
          await backend.getMany(ODD),
          ODD.map((_, at) => at),
        )
        for (const [at, key] of ODD.entries()) {
          same(await backend.get(key), at, `get(${JSON.stringify(key)})`)
          await backend.delete(key)
          same(await backend.count(), ODD.length - at - 1, `count after delete(${JSON.stringify(key)})`)
        }
      },
    },
    {
      title: 'a key of 65,536 characters is a key like any other',
      async run({ backend, unique }) {
        const key = unique.padEnd(LONGEST, 'é')
        const other = `${key.slice(0, -1)}e`
        await backend.setMany([[key, 1]], FOREVER)
        same(await backend.get(key), 1)
        same(await backend.get(other), MISS)
        same(await keysOf(backend), [key], 'scan')
        if (backend.locks) same(await backend.locks.acquire(key, 'me', 60_000), true)
        if (backend.locks) same(await backend.locks.acquire(other, 'you', 60_000), true)
        same(await backend.deleteMatch(`${unique}*`), 1)
      },
    },
    {
      title: 'scan yields keys as they were written',
      async run({ backend }) {
        for (const key of ODD) await backend.set(key, 1, FOREVER)
        same(await keysOf(backend), [...ODD].sort())
      },
    },
    {
      title: 'bits, windows, sets and locks take any key too',
      async run({ backend, unique }) {
        const { bits, windows, sets, locks } = backend
        for (const [at, key] of ODD.entries()) {
          if (bits) same(await bits.incr(`${key}bits`, [at % 7], 1, 1), [1], `bits of ${JSON.stringify(key)}`)
          const slice = { start: 0, end: at, max: 9, lifetime: 60_000 }
          if (windows) same((await windows.incr(`${key}window`, slice)).count, 1, `window of ${JSON.stringify(key)}`)
          if (sets) same(await sets.add(`${key}set`, ODD), ODD.length, `set of ${JSON.stringify(key)}`)
          if (locks) same(await locks.acquire(unique + key, key, 60_000), true, `lock of ${JSON.stringify(key)}`)
        }
        for (const key of ODD)
          if (locks) same(await locks.release(unique + key, key), true, `release of ${JSON.stringify(key)}`)
      },
    },
  ],
}
