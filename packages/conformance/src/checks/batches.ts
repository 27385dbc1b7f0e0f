import { MISS } from '@cashews/core'
import { FOREVER, keysOf, missing, same } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

/** Many keys at once. */
export const batches: CheckGroup = {
  name: 'batches',
  checks: [
    {
      title: 'getMany answers in the order of the keys, MISS where there is none',
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        await backend.set('c', 3, FOREVER)
        same(await backend.getMany(['c', 'b', 'a']), [3, MISS, 1])
      },
    },
    {
      title: 'getMany may be asked for a key twice',
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        same(await backend.getMany(['a', 'b', 'a', 'b']), [1, MISS, 1, MISS])
      },
    },
    {
      title: 'getMany, deleteMany and setMany take an empty list',
      async run({ backend }) {
        same(await backend.getMany([]), [])
        same(await backend.deleteMany([]), 0)
        await backend.setMany([], FOREVER)
        same(await keysOf(backend), [])
      },
    },
    {
      title: 'setMany writes all',
      async run({ backend }) {
        await backend.set('a', 'old', FOREVER)
        await backend.setMany(
          [
            ['a', 1],
            ['b', { c: 2 }],
            ['d', undefined],
          ],
          FOREVER,
        )
        same([await backend.get('a'), await backend.get('b'), await backend.get('d')], [1, { c: 2 }, undefined])
      },
    },
    {
      title: 'setMany gives each key the lifetime',
      async run({ backend, elapse, unit }) {
        await backend.set('a', 1, FOREVER)
        await backend.setMany(
          [
            ['a', 1],
            ['b', 2],
          ],
          2 * unit,
        )
        await elapse(unit)
        same(await backend.getMany(['a', 'b']), [1, 2])
        await elapse(1.5 * unit)
        same(await backend.getMany(['a', 'b']), [MISS, MISS])
      },
    },
    {
      title: 'deleteMany removes the keys, and answers how many were there',
      async run({ backend }) {
        for (const key of ['a', 'b', 'c']) await backend.set(key, 1, FOREVER)
        same(await backend.deleteMany(['a', 'absent', 'c']), 2)
        missing(await backend.get('a'))
        same(await keysOf(backend), ['b'])
      },
    },
    {
      title: 'thousands of keys fit in one batch, and scan yields them all',
      async run({ backend }) {
        const keys = Array.from({ length: 3_000 }, (_, at) => `key:${at}`)
        await backend.setMany(
          keys.map((key, at) => [key, at]),
          FOREVER,
        )
        same(
          await backend.getMany(keys),
          keys.map((_, at) => at),
        )
        same(await keysOf(backend), [...keys].sort())
        same(await backend.deleteMany(keys), 3_000)
      },
    },
  ],
}
