import { type Locks, MISS } from '@cashews/core'
import { FOREVER, keysOf, missing, same, truth } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup, Feature } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { isFulfilledSoon } from '../patience.ts'

type Run = (locks: Locks, key: string, context: CheckContext) => Promise<void>

/** A check that is given the commands of locks, and a name that no lock has had before. */
function check(title: string, run: Run, ...needs: readonly Feature[]): Check {
  return {
    title,
    needs: ['locks', ...needs],
    run: (context) => run(groupOf(context, 'locks'), context.unique, context),
  }
}

/** How much later than promised a waiter may be told, in milliseconds. */
const PATIENCE = 1_500

/** Who holds a lock. */
export const locks: CheckGroup = {
  name: 'locks',
  checks: [
    check('acquire takes a free lock', async (locks, key) => {
      same(await locks.acquire(key, 'me', 60_000), true)
      same(await locks.isLocked(key), true)
    }),
    check('acquire leaves a lock to the token that holds it', async (locks, key) => {
      await locks.acquire(key, 'me', 60_000)
      same(await locks.acquire(key, 'you', 60_000), false)
      same(await locks.release(key, 'me'), true)
    }),
    check('acquireAndInspect takes a free lock, and answers what inspect does', async (locks, key, { backend }) => {
      if (!locks.acquireAndInspect) return
      const lock = `${key}\0mine`
      same(await locks.acquireAndInspect(lock, 'me', 60_000), MISS)
      same(await locks.isLocked(lock), true)
      await backend.set(key, { deep: 1 }, FOREVER)
      const found = await locks.acquireAndInspect(lock, 'me', 60_000)
      same(found, await backend.inspect(key))
    }),
    check('acquireAndInspect answers undefined while another token holds the lock', async (locks, key) => {
      if (!locks.acquireAndInspect) return
      await locks.acquire(key, 'me', 60_000)
      same(await locks.acquireAndInspect(key, 'you', 60_000), undefined)
      same(await locks.release(key, 'me'), true)
    }),
    check('acquire renews a lock that the token holds', async (locks, key, { elapse, unit }) => {
      await locks.acquire(key, 'me', 2 * unit)
      same(await locks.acquire(key, 'me', 9 * unit), true)
      await elapse(3 * unit)
      same(await locks.isLocked(key), true)
    }),
    check('a lock is free again after its lifetime', async (locks, key, { elapse, unit }) => {
      await locks.acquire(key, 'me', unit)
      await elapse(1.5 * unit)
      same(await locks.isLocked(key), false)
      same(await locks.acquire(key, 'you', 60_000), true)
    }),
    check('extend gives a lock that the token holds a new lifetime', async (locks, key, { elapse, unit }) => {
      await locks.acquire(key, 'me', 2 * unit)
      same(await locks.extend(key, 'me', 9 * unit), true)
      await elapse(3 * unit)
      same(await locks.isLocked(key), true)
      same(await locks.extend(key, 'me', unit), true)
      await elapse(1.5 * unit)
      same(await locks.isLocked(key), false)
    }),
    check(
      'extend answers false for a lock that was lost, and does not take it',
      async (locks, key, { elapse, unit }) => {
        await locks.acquire(key, 'me', unit)
        await elapse(1.5 * unit)
        same(await locks.extend(key, 'me', 60_000), false)
        same(await locks.isLocked(key), false)
      },
    ),
    check('extend answers false to anybody else', async (locks, key, { elapse, unit }) => {
      await locks.acquire(key, 'me', 2 * unit)
      same(await locks.extend(key, 'you', 60_000), false)
      await elapse(2.5 * unit)
      same(await locks.isLocked(key), false)
    }),
    check('release frees the lock if the token holds it, and answers whether it did', async (locks, key) => {
      await locks.acquire(key, 'me', 60_000)
      same([await locks.release(key, 'me'), await locks.release(key, 'me')], [true, false])
      same(await locks.isLocked(key), false)
    }),
    check('release by anybody else frees nothing', async (locks, key) => {
      await locks.acquire(key, 'me', 60_000)
      same(await locks.release(key, 'you'), false)
      same(await locks.isLocked(key), true)
    }),
    check('a lock that passed on is not freed by the one who lost it', async (locks, key, { elapse, unit }) => {
      await locks.acquire(key, 'me', unit)
      await elapse(1.5 * unit)
      await locks.acquire(key, 'you', 60_000)
      same(await locks.release(key, 'me'), false)
      same(await locks.isLocked(key), true)
    }),
    check('one lock does not touch another', async (locks, key) => {
      await locks.acquire(key, 'me', 60_000)
      same(await locks.isLocked(`${key} b`), false)
      same(await locks.acquire(`${key} b`, 'you', 60_000), true)
      await locks.release(`${key} b`, 'you')
      same(await locks.isLocked(key), true)
    }),
    check('a lock does not touch the value of the same name', async (locks, key, { backend }) => {
      await locks.acquire(key, 'me', 60_000)
      missing(await backend.get(key))
      same(await backend.exists(key), false)
      same(await backend.set(key, 1, FOREVER, false), true)
      await locks.release(key, 'me')
      same(await backend.get(key), 1)
    }),
    check('a value does not touch the lock of the same name', async (locks, key, { backend }) => {
      await backend.set(key, 'you', FOREVER)
      same(await locks.isLocked(key), false)
      same(await locks.acquire(key, 'me', 60_000), true)
      await backend.set(key, 'you', FOREVER)
      await backend.delete(key)
      same(await locks.isLocked(key), true)
    }),
    check('scan leaves locks out', async (locks, key, { backend }) => {
      await locks.acquire(key, 'me', 60_000)
      await backend.set('b', 1, FOREVER)
      same(await keysOf(backend), ['b'])
      same(await keysOf(backend, '?*'), ['b'])
    }),
    check('count leaves locks out', async (locks, key, { backend }) => {
      await locks.acquire(key, 'me', 60_000)
      await backend.set('b', 1, FOREVER)
      same(await backend.count(), 1)
    }),
    check('clear leaves locks as they are', async (locks, key, { backend }) => {
      await locks.acquire(key, 'me', 60_000)
      await backend.set('b', 1, FOREVER)
      await backend.clear()
      same(await locks.isLocked(key), true)
      same(await backend.exists('b'), false)
    }),
    check('deleteMatch leaves locks as they are', async (locks, key, { backend }) => {
      await locks.acquire(key, 'me', 60_000)
      await backend.set(key, 1, FOREVER)
      same(await backend.deleteMatch('*'), 1)
      same(await locks.isLocked(key), true)
    }),
    check(
      'released resolves after the time it was given at most',
      async (locks, key, { elapse, unit }) => {
        await locks.acquire(key, 'me', 60_000)
        const freed = locks.released?.(key, unit)
        await elapse(unit)
        truth(await isFulfilledSoon(freed, PATIENCE), `a waiter still waits ${PATIENCE} ms after its time`)
      },
      'released',
    ),
    check(
      'released resolves when the lock is freed',
      async (locks, key) => {
        await locks.acquire(key, 'me', 60_000)
        const freed = locks.released?.(key, 3_600_000)
        await locks.release(key, 'me')
        truth(await isFulfilledSoon(freed, PATIENCE), `a waiter still waits ${PATIENCE} ms after the release`)
      },
      'released',
    ),
  ],
}
