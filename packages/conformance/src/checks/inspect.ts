import type { Stamp } from '@cashews/core'
import { FOREVER, missing, near, same, snapshotOf, truth } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'

/** Snapshots of keys, and their stamps, by which a change is noticed. */
export const inspect: CheckGroup = {
  name: 'inspect',
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
          () => backend.apply([], [{ op: 'set', key: 'a', value: 6, lifetime: FOREVER }]),
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
      title: 'a stamp is never that of another value the key has held, also when it was gone meanwhile',
      async run({ backend, elapse, unit }) {
        const ends: readonly (() => unknown)[] = [
          () => backend.delete('a'),
          () => backend.apply([], [{ op: 'delete', key: 'a' }]),
          () => backend.clear(),
          () => elapse(1.5 * unit),
        ]
        const seen = new Set<Stamp>()
        const write = async () => {
          await backend.set('a', seen.size, unit)
          const { stamp } = await snapshotOf(backend, 'a')
          truth(!seen.has(stamp), `the stamp of ${seen.size} was that of an earlier value`)
          seen.add(stamp)
        }
        while (seen.size < 300) await write()
        for (const end of ends) {
          await end()
          await write()
        }
      },
    },
  ],
}
