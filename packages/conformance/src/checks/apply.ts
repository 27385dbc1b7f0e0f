import type { Write } from '@cashews/core'
import { FOREVER, lives, missing, refused, same, snapshotOf } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

const put = (key: string, value: unknown, lifetime: number | 'keep' = FOREVER): Write => ({
  op: 'set',
  key,
  value,
  lifetime,
})

/** The primitive that conditional commands are made of. */
export const apply: CheckGroup = {
  name: 'apply',
  checks: [
    {
      title: 'apply makes its writes while the stamp it expects holds',
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        const { stamp } = await snapshotOf(backend, 'a')
        same(await backend.apply([{ key: 'a', stamp }], [put('a', 2)]), true)
        same(await backend.get('a'), 2)
      },
    },
    {
      title: 'apply makes none of its writes when the stamp it expects has changed',
      needs: ['severalKeys'],
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        const { stamp } = await snapshotOf(backend, 'a')
        await backend.set('a', 2, FOREVER)
        same(await backend.apply([{ key: 'a', stamp }], [put('a', 3), put('b', 3)]), false)
        same(await backend.get('a'), 2)
        missing(await backend.get('b'))
      },
    },
    {
      title: 'apply makes none of its writes when the key of an expected stamp was deleted',
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        const { stamp } = await snapshotOf(backend, 'a')
        await backend.delete('a')
        same(await backend.apply([{ key: 'a', stamp }], [put('a', 2)]), false)
        missing(await backend.get('a'))
      },
    },
    {
      title: 'an expectation of apply without a stamp holds while the key is absent',
      async run({ backend }) {
        same(await backend.apply([{ key: 'a' }], [put('a', 1)]), true)
        same(await backend.apply([{ key: 'a', stamp: undefined }], [put('a', 2)]), false)
        same(await backend.get('a'), 1)
      },
    },
    {
      title: 'apply makes none of its writes when one of several expectations fails',
      needs: ['severalKeys'],
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        const { stamp } = await snapshotOf(backend, 'a')
        await backend.set('there', 1, FOREVER)
        const writes = [put('a', 2), put('c', 2), { op: 'delete', key: 'there' }] as const
        const expected = [{ key: 'a', stamp }, { key: 'b' }, { key: 'there' }]
        same(await backend.apply(expected, writes), false, 'the last fails')
        same(await backend.apply(expected.toReversed(), writes), false, 'the first fails')
        same([await backend.get('a'), await backend.get('there'), await backend.exists('c')], [1, 1, false])
        same(await backend.apply([{ key: 'a', stamp }, { key: 'b' }, { key: 'c' }], writes), true)
        same([await backend.get('a'), await backend.exists('there'), await backend.get('c')], [2, false, 2])
      },
    },
    {
      title: 'apply makes none of its writes when one of them is refused',
      needs: ['severalKeys'],
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        const writes = [put('a', 2), put('b', 2), put('c', () => 1)]
        await refused(() => backend.apply([], writes), 'CASHEWS_VALUE', 'apply of a function')
        same([await backend.get('a'), await backend.exists('b')], [1, false])
      },
    },
    {
      title: 'apply may expect nothing, and may write nothing',
      needs: ['severalKeys'],
      async run({ backend }) {
        same(await backend.apply([], [put('a', 1), put('b', 2)]), true)
        same([await backend.get('a'), await backend.get('b')], [1, 2])
        const { stamp } = await snapshotOf(backend, 'a')
        same(await backend.apply([{ key: 'a', stamp }], []), true)
        same(await backend.apply([{ key: 'a' }], []), false)
        same(await backend.apply([], []), true)
      },
    },
    {
      title: 'apply makes its writes in their order',
      needs: ['severalKeys'],
      async run({ backend }) {
        await backend.apply([], [put('a', 1), put('a', 2), put('b', 1), { op: 'delete', key: 'b' }])
        same([await backend.get('a'), await backend.exists('b')], [2, false])
        await backend.apply([], [{ op: 'delete', key: 'a' }, put('a', 3)])
        same(await backend.get('a'), 3)
      },
    },
    {
      title: 'apply sets a value with its lifetime',
      async run(context) {
        const { backend, unit } = context
        await backend.set('a', 1, FOREVER)
        await backend.apply([], [put('a', 2, 5 * unit)])
        await lives(context, 'a', 5 * unit)
      },
    },
    {
      title: "apply keeps the lifetime a key has when a write says 'keep'",
      needs: ['severalKeys'],
      async run(context) {
        const { backend, elapse, unit } = context
        await backend.set('a', 1, 5 * unit)
        await elapse(2 * unit)
        await backend.apply([], [put('a', 2, 'keep'), put('b', 2, 'keep')])
        same(await backend.get('a'), 2)
        await lives(context, 'a', 3 * unit)
        same(await backend.timeLeft('b'), FOREVER, 'an absent key')
      },
    },
    {
      title: 'apply gives a key a new lifetime, and does not create an absent one',
      needs: ['severalKeys'],
      async run(context) {
        const { backend, unit } = context
        await backend.set('a', 1, FOREVER)
        const writes = ['a', 'b'].map((key): Write => ({ op: 'expire', key, lifetime: 5 * unit }))
        same(await backend.apply([], writes), true)
        same(await backend.get('a'), 1)
        await lives(context, 'a', 5 * unit)
        same(await backend.exists('b'), false)
      },
    },
    {
      title: 'apply deletes a key',
      needs: ['severalKeys'],
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        same(
          await backend.apply(
            [],
            [
              { op: 'delete', key: 'a' },
              { op: 'delete', key: 'absent' },
            ],
          ),
          true,
        )
        missing(await backend.get('a'))
      },
    },
  ],
}
