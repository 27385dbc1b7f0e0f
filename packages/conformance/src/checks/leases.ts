import { type Leases, MISS } from '@cashews/core'
import { FOREVER, lives, missing, same, truth } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup } from '../check.ts'

const check = (title: string, run: Check['run']): Check => ({ title, needs: ['leases'], run })

/** The leases of a backend that has some. */
export function leasesOf({ backend }: CheckContext): Leases {
  if (!backend.leases) throw new Error('The backend has no leases.')
  return backend.leases
}

/** Asks for an absent key, and takes the lease. */
async function take(context: CheckContext): Promise<string> {
  const { value, lease } = await leasesOf(context).get('a')
  missing(value)
  truth(typeof lease === 'string' && lease !== '', 'a miss came without a lease')
  return String(lease)
}

/** Leases, which keep a load from storing a value that is out of date. */
export const leases: CheckGroup = {
  name: 'leases',
  checks: [
    check('a lease comes with a miss, and not with a value', async (context) => {
      await take(context)
      await context.backend.set('a', 1, FOREVER)
      const { value, lease } = await leasesOf(context).get('a')
      same([value, lease], [1, undefined])
    }),
    check('a lease lets its holder store the value, with its lifetime', async (context) => {
      const lease = await take(context)
      same(await leasesOf(context).set('a', 1, 5 * context.unit, lease), true)
      same(await context.backend.get('a'), 1)
      await lives(context, 'a', 5 * context.unit)
    }),
    check('a lease is void as soon as anybody writes the key', async (context) => {
      const lease = await take(context)
      await context.backend.set('a', 'newer', FOREVER)
      same(await leasesOf(context).set('a', 'older', FOREVER, lease), false)
      same(await context.backend.get('a'), 'newer')
    }),
    check('a lease is void as soon as anybody deletes the key, although it is absent', async (context) => {
      const lease = await take(context)
      await context.backend.delete('a')
      same(await leasesOf(context).set('a', 'older', FOREVER, lease), false)
      missing(await context.backend.get('a'))
    }),
    check('a lease is void when the key was written and deleted meanwhile', async (context) => {
      const lease = await take(context)
      await context.backend.set('a', 'newer', FOREVER)
      await context.backend.delete('a')
      same(await leasesOf(context).set('a', 'older', FOREVER, lease), false)
      missing(await context.backend.get('a'))
    }),
    check('take answers a lease, whatever the key holds', async (context) => {
      for (const value of [MISS, 'older']) {
        if (value !== MISS) await context.backend.set('a', value, FOREVER)
        const lease = await leasesOf(context).take('a')
        same(await leasesOf(context).set('a', 'newer', FOREVER, lease), true)
        same(await context.backend.get('a'), 'newer')
      }
    }),
    check('a lease over a value is void as soon as anybody writes or deletes it', async (context) => {
      const { backend } = context
      const changes = [
        () => backend.set('a', 'newer', FOREVER),
        () => backend.delete('a'),
        () => backend.incr('a', 1, 60_000),
      ]
      for (const change of changes) {
        await backend.set('a', 1, FOREVER)
        const lease = await leasesOf(context).take('a')
        await change()
        const now = await backend.get('a')
        same(await leasesOf(context).set('a', 'older', FOREVER, lease), false)
        same(await backend.get('a'), now)
      }
    }),
    check('a load gives way to those that began after it, and not to earlier ones', async (context) => {
      const earlier = await take(context)
      const later = await leasesOf(context).take('a')
      same(await leasesOf(context).set('a', 'later', FOREVER, later), true)
      same(await leasesOf(context).set('a', 'earlier', FOREVER, earlier), false)
      same(await context.backend.get('a'), 'later')
      const [first, second] = [await leasesOf(context).take('a'), await leasesOf(context).take('a')]
      same(await leasesOf(context).set('a', 'first', FOREVER, first), true)
      same(await leasesOf(context).set('a', 'second', FOREVER, second), true)
      same(await context.backend.get('a'), 'second')
    }),
    check('holds tells whether a lease is void', async (context) => {
      const { set, holds, take: takeAny } = leasesOf(context)
      const changes = [
        async (lease: string) => set('a', 1, FOREVER, lease),
        async () => set('a', 1, FOREVER, await takeAny('a')),
        async () => context.backend.set('a', 1, FOREVER),
        async () => context.backend.delete('a'),
      ]
      for (const change of changes) {
        const lease = await takeAny('a')
        same(await holds('a', lease), true)
        await change(lease)
        same(await holds('a', lease), false)
      }
    }),
    check('a lease is void after deleteMany, deleteMatch and clear', async (context) => {
      const { backend } = context
      for (const remove of [() => backend.deleteMany(['a']), () => backend.deleteMatch('a*'), () => backend.clear()]) {
        const lease = await take(context)
        await remove()
        same(await leasesOf(context).set('a', 'older', FOREVER, lease), false)
        same(await backend.getMany(['a']), [MISS])
      }
    }),
    check('voidMatch voids the leases on keys that match a glob, there or not, and no others', async (context) => {
      const { take: takeAny, holds, voidMatch } = leasesOf(context)
      const keys = ['a', 'ab', 'b', 'cb', '~a', 'a{b}c']
      await context.backend.set('a', 1, FOREVER)
      for (const [pattern, matching] of [
        ['a', ['a']],
        ['*b', ['ab', 'b', 'cb']],
        ['?b', ['ab', 'cb']],
        ['[ab]', ['a', 'b']],
        ['\\~*', ['~a']],
        ['a\\{*', ['a{b}c']],
        ['*', keys],
      ] as const) {
        const taken = await Promise.all(keys.map(async (key) => [key, await takeAny(key)] as const))
        await voidMatch(pattern)
        for (const [key, lease] of taken)
          same([pattern, key, await holds(key, lease)], [pattern, key, !(matching as readonly string[]).includes(key)])
      }
    }),
  ],
}
