import type { Stamp, Write } from '@cashews/core'
import { FOREVER, lives, missing, near, same, snapshotOf, truth } from '../assertions.ts'
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
      title: 'inspect answers the value',
      async run({ backend }) {
        await backend.set('a', { b: 1 }, FOREVER)
        same((await snapshotOf(backend, 'a')).value, { b: 1 })
        await backend.incr('c', 5, FOREVER)
        same((await snapshotOf(backend, 'c')).value, 5)
      },
    },
    {
      title: 'inspect answers the time left, Infinity when there is no expiry',
      async run({ backend, elapse, exact, unit }) {
        await backend.set('a', 1, 5 * unit)
        await backend.set('b', 1, FOREVER)
        await elapse(2 * unit)
        near((await snapshotOf(backend, 'a')).timeLeft, 3 * unit, exact ? 1 : unit)
        same((await snapshotOf(backend, 'b')).timeLeft, FOREVER)
      },
    },
    {
      title: 'inspect answers MISS for an absent key',
      async run({ backend }) {
        missing(await backend.inspect('a'))
        await backend.set('a', 1, FOREVER)
        await backend.delete('a')
        missing(await backend.inspect('a'), 'after delete')
      },
    },
    {
      title: 'a stamp stays while nobody writes the key',
      async run({ backend }) {
        await backend.set('a', 1, FOREVER)
        const { stamp } = await snapshotOf(backend, 'a')
        await backend.get('a')
        await backend.set('b', 1, FOREVER)
        await backend.set('a', 2, FOREVER, false)
        same((await snapshotOf(backend, 'a')).stamp, stamp)
      },
    },
    {
      title: 'a stamp changes whenever what its key holds changes',
      async run({ backend }) {
        const writes: readonly (() => unknown)[] = [
          () => backend.set('a', 1, FOREVER),
          () => backend.set('a', 2, FOREVER),
          () => backend.set('a', 3, FOREVER, true),
          () => backend.incr('a', 1, FOREVER),
          () => backend.setMany([['a', 5]], FOREVER),
          () => backend.apply([], [put('a', 6)]),
        ]
        let before: unknown
        for (const write of writes) {
          await write()
          const { stamp, value } = await snapshotOf(backend, 'a')
          truth(stamp !== before, `the stamp is the same after ${value} was written`)
          before = stamp
        }
      },
    },
    {
      title: 'a stamp never comes back, also of a key that was gone meanwhile',
      async run({ backend, elapse, unit }) {
        const ends: readonly (() => unknown)[] = [
          () => backend.delete('a'),
          () => backend.apply([], [{ op: 'delete', key: 'a' }]),
          () => backend.clear(),
          () => elapse(1.5 * unit),
        ]
        const seen = new Set<Stamp>()
        for (const end of ends) {
          await backend.set('a', seen.size, unit)
          const { stamp } = await snapshotOf(backend, 'a')
          truth(!seen.has(stamp), `the stamp of ${seen.size} was that of an earlier value`)
          seen.add(stamp)
          await end()
        }
      },
    },
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
      title: 'apply takes an expectation without a stamp for an absent key',
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
      title: 'apply gives a key a new lifetime, and an absent key none',
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
