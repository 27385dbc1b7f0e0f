import { FOREVER, keysOf, missing, same, truth } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup } from '../check.ts'
import { groupOf } from '../group-of.ts'

const locksOf = (context: CheckContext) => groupOf(context, 'locks')
const check = (title: string, run: Check['run']): Check => ({ title, needs: ['locks'], run })

/** The most a waiter may stay, beyond what it asked for. */
const PATIENCE = 1_000

/** Who holds a lock. */
export const locks: CheckGroup = {
  name: 'locks',
  checks: [
    check('acquire takes a free lock', async (context) => {
      same(await locksOf(context).acquire('a', 'me', 60_000), true)
      same(await locksOf(context).isLocked('a'), true)
    }),
    check('acquire leaves a lock to the token that holds it', async (context) => {
      await locksOf(context).acquire('a', 'me', 60_000)
      same(await locksOf(context).acquire('a', 'you', 60_000), false)
      same(await locksOf(context).release('a', 'me'), true)
    }),
    check('acquire renews a lock that the token holds', async (context) => {
      const { elapse, unit } = context
      await locksOf(context).acquire('a', 'me', 2 * unit)
      same(await locksOf(context).acquire('a', 'me', 9 * unit), true)
      await elapse(3 * unit)
      same(await locksOf(context).isLocked('a'), true)
    }),
    check('a lock is free again after its lifetime', async (context) => {
      const { elapse, unit } = context
      await locksOf(context).acquire('a', 'me', unit)
      await elapse(1.5 * unit)
      same(await locksOf(context).isLocked('a'), false)
      same(await locksOf(context).acquire('a', 'you', 60_000), true)
    }),
    check('extend gives a lock that the token holds a new lifetime', async (context) => {
      const { elapse, unit } = context
      await locksOf(context).acquire('a', 'me', 2 * unit)
      same(await locksOf(context).extend('a', 'me', 9 * unit), true)
      await elapse(3 * unit)
      same(await locksOf(context).isLocked('a'), true)
      same(await locksOf(context).extend('a', 'me', unit), true)
      await elapse(1.5 * unit)
      same(await locksOf(context).isLocked('a'), false)
    }),
    check('extend answers false for a lock that was lost, and does not take it', async (context) => {
      const { elapse, unit } = context
      await locksOf(context).acquire('a', 'me', unit)
      await elapse(1.5 * unit)
      same(await locksOf(context).extend('a', 'me', 60_000), false)
      same(await locksOf(context).isLocked('a'), false)
    }),
    check('extend answers false to anybody else', async (context) => {
      const { elapse, unit } = context
      await locksOf(context).acquire('a', 'me', 2 * unit)
      same(await locksOf(context).extend('a', 'you', 60_000), false)
      await elapse(2.5 * unit)
      same(await locksOf(context).isLocked('a'), false)
    }),
    check('release frees the lock if the token holds it, and answers whether it did', async (context) => {
      await locksOf(context).acquire('a', 'me', 60_000)
      same([await locksOf(context).release('a', 'me'), await locksOf(context).release('a', 'me')], [true, false])
      same(await locksOf(context).isLocked('a'), false)
    }),
    check('release by anybody else frees nothing', async (context) => {
      await locksOf(context).acquire('a', 'me', 60_000)
      same(await locksOf(context).release('a', 'you'), false)
      same(await locksOf(context).isLocked('a'), true)
    }),
    check('a lock that passed on is not freed by the one who lost it', async (context) => {
      const { elapse, unit } = context
      await locksOf(context).acquire('a', 'me', unit)
      await elapse(1.5 * unit)
      await locksOf(context).acquire('a', 'you', 60_000)
      same(await locksOf(context).release('a', 'me'), false)
      same(await locksOf(context).isLocked('a'), true)
    }),
    check('one lock does not touch another', async (context) => {
      await locksOf(context).acquire('a', 'me', 60_000)
      same(await locksOf(context).isLocked('b'), false)
      same(await locksOf(context).acquire('b', 'you', 60_000), true)
      await locksOf(context).release('b', 'you')
      same(await locksOf(context).isLocked('a'), true)
    }),
    check('a lock does not touch the value of the same name', async (context) => {
      const { backend } = context
      await locksOf(context).acquire('a', 'me', 60_000)
      missing(await backend.get('a'))
      same(await backend.exists('a'), false)
      same(await backend.set('a', 1, FOREVER, false), true)
      await locksOf(context).release('a', 'me')
      same(await backend.get('a'), 1)
    }),
    check('a value does not touch the lock of the same name', async (context) => {
      const { backend } = context
      await backend.set('a', 'you', FOREVER)
      same(await locksOf(context).isLocked('a'), false)
      same(await locksOf(context).acquire('a', 'me', 60_000), true)
      await backend.set('a', 'you', FOREVER)
      await backend.delete('a')
      same(await locksOf(context).isLocked('a'), true)
    }),
    check('scan passes locks over', async (context) => {
      await locksOf(context).acquire('a', 'me', 60_000)
      await context.backend.set('b', 1, FOREVER)
      same(await keysOf(context.backend), ['b'])
      same(await keysOf(context.backend, '?*'), ['b'])
    }),
    check('count passes locks over', async (context) => {
      await locksOf(context).acquire('a', 'me', 60_000)
      await context.backend.set('b', 1, FOREVER)
      same(await context.backend.count(), 1)
    }),
    check('clear passes locks over', async (context) => {
      await locksOf(context).acquire('a', 'me', 60_000)
      await context.backend.set('b', 1, FOREVER)
      await context.backend.clear()
      same(await locksOf(context).isLocked('a'), true)
      same(await context.backend.exists('b'), false)
    }),
    check('deleteMatch passes locks over', async (context) => {
      await locksOf(context).acquire('a', 'me', 60_000)
      await context.backend.set('a', 1, FOREVER)
      same(await context.backend.deleteMatch('*'), 1)
      same(await locksOf(context).isLocked('a'), true)
    }),
    {
      title: 'released resolves after the time it was given at most',
      needs: ['locks', 'released'],
      async run(context) {
        const { elapse, unit } = context
        const locks = locksOf(context)
        await locks.acquire('a', 'me', FOREVER)
        const freed = locks.released?.('a', unit).then(() => true)
        await elapse(unit)
        const late = new Promise<boolean>((resolve) => setTimeout(resolve, PATIENCE, false))
        truth((await Promise.race([freed, late])) === true, `a waiter still waits ${PATIENCE} ms after its time`)
      },
    },
    {
      title: 'released resolves when the lock is freed',
      needs: ['locks', 'released'],
      async run(context) {
        const locks = locksOf(context)
        await locks.acquire('a', 'me', FOREVER)
        const freed = locks.released?.('a', 3_600_000).then(() => true)
        await locks.release('a', 'me')
        const late = new Promise<boolean>((resolve) => setTimeout(resolve, PATIENCE, false))
        truth((await Promise.race([freed, late])) === true, `a waiter still waits ${PATIENCE} ms after the release`)
      },
    },
  ],
}
