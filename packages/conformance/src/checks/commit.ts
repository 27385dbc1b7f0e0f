import type { KindWrite, Locks, Write } from '@cashews/core'
import { FOREVER, missing, same, truth } from '../assertions.ts'
import type { Check, CheckContext, CheckGroup, Feature } from '../check.ts'
import { groupOf } from '../group-of.ts'
import { isFulfilledSoon } from '../patience.ts'

type Run = (locks: Locks, lock: string, context: CheckContext) => Promise<void>

/** A check of `apply` with a lock, which is named so that it lives where the key `a` does. */
function check(title: string, run: Run, ...needs: readonly Feature[]): Check {
  return {
    title,
    needs: ['locks', ...needs],
    run: (context) => run(groupOf(context, 'locks'), `a\0${context.unique}`, context),
  }
}

const put: Write = { op: 'set', key: 'a', value: 1, lifetime: FOREVER }
const PATIENCE = 1_000

const locked = (lock: string, token: string, lifetime = 60_000): KindWrite => ({ op: 'lock', lock, token, lifetime })

/** Writes that are made only while a lock is held, as a transaction needs them. */
export const commit: CheckGroup = {
  name: 'commit',
  checks: [
    check('apply makes its writes while the token it expects holds the lock', async (locks, lock, { backend }) => {
      await locks.acquire(lock, 'me', 60_000)
      same(await backend.apply([{ lock, token: 'me' }], [put]), true)
      same(await backend.get('a'), 1)
      same(await locks.isLocked(lock), true)
    }),
    check('apply makes none of its writes when somebody else holds the lock', async (locks, lock, { backend }) => {
      await locks.acquire(lock, 'you', 60_000)
      same(await backend.apply([{ lock, token: 'me' }], [put]), false)
      missing(await backend.get('a'))
    }),
    check(
      'apply makes none of its writes when the lock has expired',
      async (locks, lock, { backend, elapse, unit }) => {
        await locks.acquire(lock, 'me', unit)
        await elapse(1.5 * unit)
        same(await backend.apply([{ lock, token: 'me' }], [put]), false)
        missing(await backend.get('a'))
      },
    ),
    check('an expectation of apply without a token holds while the lock is free', async (locks, lock, { backend }) => {
      same(await backend.apply([{ lock }], [put]), true)
      await locks.acquire(lock, 'me', 60_000)
      same(await backend.apply([{ lock, token: undefined }], [{ op: 'delete', key: 'a' }]), false)
      same(await backend.get('a'), 1)
    }),
    check('apply takes a lock for its lifetime, and renews it', async (locks, lock, { backend, elapse, unit }) => {
      same(await backend.apply([{ lock }], [locked(lock, 'me', 2 * unit)]), true)
      same(await locks.acquire(lock, 'you', unit), false)
      same(await backend.apply([{ lock, token: 'me' }], [locked(lock, 'me', 9 * unit)]), true)
      await elapse(3 * unit)
      same([await locks.isLocked(lock), await locks.release(lock, 'me')], [true, true])
    }),
    check('apply frees a lock, whoever holds it', async (locks, lock, { backend }) => {
      await locks.acquire(lock, 'you', 60_000)
      same(await backend.apply([], [put, { op: 'unlock', lock }]), true)
      same([await locks.isLocked(lock), await backend.get('a')], [false, 1])
    }),
    check('apply neither takes nor frees a lock when an expectation fails', async (locks, lock, { backend }) => {
      await locks.acquire(lock, 'me', 60_000)
      const other = `${lock} other`
      same(await backend.apply([{ lock: other, token: 'me' }], [{ op: 'unlock', lock }, locked(other, 'me')]), false)
      same([await locks.isLocked(lock), await locks.isLocked(other)], [true, false])
    }),
    check(
      'released resolves when apply frees the lock',
      async (locks, lock, { backend }) => {
        await locks.acquire(lock, 'me', 60_000)
        const freed = locks.released?.(lock, 3_600_000)
        await backend.apply([{ lock, token: 'me' }], [{ op: 'unlock', lock }])
        const isFreed = await isFulfilledSoon(freed, PATIENCE)
        truth(isFreed, `a waiter still waits ${PATIENCE} ms after the lock was freed`)
      },
      'released',
    ),
  ],
}
