import { MISS } from '@cashews/core'
import { FOREVER, keysOf, missing, refused, same, snapshotOf, truth } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

const EMPTY = [undefined, null, false, 0, ''] as const

const PLAIN = [
  true,
  42,
  -1.5,
  Number.MAX_SAFE_INTEGER,
  'text',
  'é 日本語 👩‍👩‍👧',
  'a\u0000b\r\n',
  '42',
  [],
  {},
  [1, 'two', [3, null]],
  { name: 'Ada', tags: ['x'], address: { city: 'London', empty: '' }, none: null },
]

const STRUCTURED = [
  new Date(0),
  new Map<unknown, unknown>([
    ['a', 1],
    [2, new Set(['b'])],
  ]),
  new Set([1, 'two']),
  new Uint8Array([0, 128, 255]),
  12345678901234567890n,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  { when: new Date(1), maybe: undefined, list: [undefined] },
]

/** What a value is, and what comes back of it. */
export const values: CheckGroup = {
  name: 'values',
  checks: [
    {
      title: 'names the kind of store',
      async run({ backend }) {
        truth(typeof backend.name === 'string' && backend.name !== '', 'name is not text')
      },
    },
    {
      title: 'get answers the value last written',
      async run({ backend }) {
        await backend.set('a', 'first', FOREVER)
        await backend.set('a', 'second', FOREVER)
        same(await backend.get('a'), 'second')
      },
    },
    {
      title: 'a miss is MISS, never undefined',
      async run({ backend }) {
        missing(await backend.get('a'), 'get')
        same(await backend.getMany(['a']), [MISS])
        missing(await backend.timeLeft('a'), 'timeLeft')
        missing(await backend.inspect('a'), 'inspect')
      },
    },
    {
      title: 'a missing key is an answer, never an error',
      async run({ backend }) {
        same(await backend.delete('a'), false)
        same(await backend.deleteMany(['a', 'b']), 0)
        same(await backend.deleteMatch('a*'), 0)
        same(await backend.exists('a'), false)
        same(await backend.expire('a', 1_000), false)
        same(await backend.size('a'), 0)
        same(await backend.count(), 0)
        same(await keysOf(backend), [])
        await backend.getRaw('a')
        await backend.clear()
        if (backend.bits) same(await backend.bits.get('a', [0], 1), [0])
        if (backend.sets) same([await backend.sets.remove('a', ['x']), await backend.sets.pop('a', 1)], [0, []])
        if (backend.locks) {
          same([await backend.locks.release('a', 'me'), await backend.locks.extend('a', 'me', 1_000)], [false, false])
          same(await backend.locks.isLocked('a'), false)
        }
      },
    },
    {
      title: 'undefined, null, false, 0 and the empty text are values like any other',
      async run({ backend }) {
        for (const [at, value] of EMPTY.entries()) {
          const key = `empty:${at}`
          same(await backend.set(key, value, FOREVER), true)
          same(await backend.get(key), value)
          same(await backend.getMany([key]), [value])
          same((await snapshotOf(backend, key)).value, value)
          same(await backend.exists(key), true)
          same(await backend.set(key, 'other', FOREVER, false), false, 'set where there is a key')
        }
      },
    },
    {
      title: 'text, numbers, lists and nested objects come back as they were',
      async run({ backend }) {
        for (const value of PLAIN) {
          await backend.set('a', value, FOREVER)
          same(await backend.get('a'), value)
        }
      },
    },
    {
      title: 'dates, maps, sets, bytes, big integers, NaN and undefined members come back as they were',
      needs: ['structured'],
      async run({ backend }) {
        for (const value of STRUCTURED) {
          await backend.set('a', value, FOREVER)
          same(await backend.get('a'), value)
        }
      },
    },
    {
      title: 'a value that cannot be kept is a ValueError, and its key holds what it held',
      async run({ backend }) {
        const noData = () => 1
        const writes: Readonly<Record<string, () => unknown>> = {
          set: () => backend.set('a', noData, FOREVER),
          setMany: () => backend.setMany([['a', noData]], FOREVER),
          apply: () => backend.apply([], [{ op: 'set', key: 'a', value: noData, lifetime: FOREVER }]),
        }
        for (const [member, write] of Object.entries(writes)) {
          await backend.set('a', member, FOREVER)
          await refused(write, 'CASHEWS_VALUE', `${member} of a function`)
          same(await backend.get('a'), member, `after ${member}`)
        }
      },
    },
    {
      title: 'a property named __proto__ is data and changes no prototype',
      async run({ backend }) {
        await backend.set('a', JSON.parse('{ "__proto__": { "polluted": true }, "b": 1 }'), FOREVER)
        const found = (await backend.get('a')) as { readonly b: number; readonly polluted?: boolean }
        same(found.b, 1)
        same([found.polluted, ({} as { polluted?: boolean }).polluted], [undefined, undefined])
      },
    },
    {
      title: 'getRaw answers what the store really holds, and setRaw puts it back',
      async run({ backend }) {
        await backend.set('a', { b: 1 }, FOREVER)
        const raw = await backend.getRaw('a')
        await backend.delete('a')
        same(await backend.setRaw('a', raw, FOREVER), true)
        same(await backend.get('a'), { b: 1 })
      },
    },
    {
      title: 'size answers about how many bytes a key occupies, and 0 when it is absent',
      async run({ backend }) {
        const text = Array.from({ length: 10_000 }, (_, at) => String.fromCharCode(33 + ((at * at * 7) % 89))).join('')
        await backend.set('small', 1, FOREVER)
        await backend.set('large', text, FOREVER)
        const [small, large] = [await backend.size('small'), await backend.size('large')]
        truth(small > 0 && small < 1_000, `a number occupies ${small} bytes`)
        truth(large > 200 && large > small && large < 100_000, `10,000 characters occupy ${large} bytes`)
        same(await backend.size('absent'), 0)
      },
    },
    {
      title: 'ping answers its message when the store is well',
      async run({ backend }) {
        same(await backend.ping('hello'), 'hello')
      },
    },
  ],
}
