import { FOREVER, keysOf, same, truth } from '../assertions.ts'
import type { CheckGroup } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { soon } from '../patience.ts'

const PATIENCE = 2_000
const TOLD = "the host was told (if the store cannot tell, say so: without: ['expired'])"

/** What the host is told of keys that the store removes by itself. */
export const removal: CheckGroup = {
  name: 'removal',
  checks: [
    {
      title: 'the host is told of a key that has expired, once',
      needs: ['expired'],
      async run({ backend, elapse, reports, unit }) {
        await backend.set('a', 1, unit)
        await elapse(1.5 * unit)
        await backend.get('a')
        await soon(() => reports.removed.length > 0, PATIENCE)
        await backend.get('a')
        await keysOf(backend)
        same(reports.removed, [{ key: 'a', reason: 'expired' }], TOLD)
      },
    },
    {
      title: 'the host is not told of a key that somebody deleted, replaced or cleared',
      async run({ backend, elapse, reports, unit }) {
        for (const key of ['deleted', 'replaced', 'cleared', 'matched', 'applied']) await backend.set(key, 1, unit)
        await backend.delete('deleted')
        await backend.deleteMatch('match*')
        await backend.apply([], [{ op: 'delete', key: 'applied' }])
        await backend.set('replaced', 2, FOREVER)
        await backend.clear()
        await elapse(1.5 * unit)
        await keysOf(backend)
        same(reports.removed, [])
      },
    },
    {
      title: 'a backend that is opened anew tells its new host',
      needs: ['expired'],
      async run({ create, elapse, reports, unit }) {
        const told: string[] = []
        const host = (name: string) => ({ removed: (key: string) => void told.push(`${name}: ${key}`), error() {} })
        const backend = await create()
        await backend.open(host('first'))
        await backend.close()
        await backend.open(host('second'))
        await backend.set('a', 1, unit)
        await elapse(1.5 * unit)
        await backend.get('a')
        // Where a store is shared, another backend may be the first to notice.
        await soon(() => told.length + reports.removed.length > 0, PATIENCE)
        same([...told, ...reports.removed.map(({ key }) => `second: ${key}`)], ['second: a'], TOLD)
      },
    },
    {
      title: 'the host is not told of locks',
      needs: ['locks'],
      async run(context) {
        const { backend, elapse, reports, unit } = context
        const locks = groupOf(context, 'locks')
        await locks.acquire(context.unique, 'me', unit)
        await elapse(1.5 * unit)
        same(await locks.isLocked(context.unique), false)
        await keysOf(backend)
        same(reports.removed, [])
      },
    },
    {
      title: 'the host is told of no error while all is well',
      async run({ backend, elapse, reports, unit }) {
        await backend.set('a', 1, unit)
        await backend.incr('b', 1, FOREVER)
        await elapse(1.5 * unit)
        same([await backend.exists('a'), await backend.get('b')], [false, 1])
        truth(reports.errors.length === 0, `the host was told of ${reports.errors.join(', ')}`)
      },
    },
  ],
}
