import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { disk } from '@cashews/backend-disk'
import type { BackendHost } from '@cashews/core'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { report } from '../support/faults/report.ts'

const HOUR = 3_600_000
const host: BackendHost = { removed() {}, error() {} }

it('a key and a lock expire even if the clock is set back an hour, or forward and back', async () => {
  const clock = { time: Date.UTC(2026, 0, 1), now: () => clock.time }
  const directory = freshDirectory()
  const store = disk({ directory, clock, checkInterval: '20ms' })
  await store.open(host)
  const { locks } = store
  if (!locks) throw new Error('The store has no locks.')
  await store.set('short', 1, 60_000)
  await store.set('long', 1, 2 * HOUR)
  await store.set('for ever', 1, Number.POSITIVE_INFINITY)
  await locks.acquire('lock', 'me', 60_000)

  clock.time -= HOUR
  const left = [await store.exists('short'), await store.exists('long'), await store.exists('for ever')]
  await store.set('since', 1, 60_000)
  await expect.poll(() => takenAt(directory)).toEqual([clock.time]) // the sweeper has seen the lock
  clock.time += 61_000
  const locked = await locks.isLocked('lock')
  const since = await store.exists('since')
  clock.time += 4 * HOUR
  await expect.poll(() => store.count()).toBe(1)
  await store.close()
  const immortal = left.filter(Boolean).length - 1
  report(
    'H13',
    'clock back 1 h and forward: no immortal keys',
    { immortal, locked, since },
    immortal === 0 && !locked && !since,
  )
})

/** The times at which the stored locks were taken. */
function takenAt(directory: string): unknown[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.db'))
    .flatMap((name) => {
      const file = new Database(join(directory, name), { readonly: true })
      const taken = file.prepare('SELECT taken_at FROM locks').pluck().all()
      file.close()
      return taken
    })
}
