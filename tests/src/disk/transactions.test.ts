import { rmSync } from 'node:fs'
import { disk } from '@cashews/backend-disk'
import { createCache } from '@cashews/core'
import { transaction } from '@cashews/transactions'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { filesOf } from '../support/disk/directories.ts'
import { freshDirectory } from '../support/disk/fresh-directory.ts'
import { PATIENT } from '../support/patience.ts'

it.each(['fast', 'locked', 'serializable'] as const)(
  'a %s transaction whose directory is removed before its commit reports what another process finds',
  async (mode) => {
    const directory = freshDirectory()
    const setup = () =>
      createCache({ onError() {} }).setup(disk({ directory, shards: 2, checkInterval: false }), PATIENT)
    await using cache = setup()
    await cache.setMany({ a: 1, b: 1, c: 1, d: 1 })
    const ended = transaction(
      cache,
      async () => {
        await cache.getMany(['a', 'b'])
        await cache.setMany({ a: 2, b: 2, c: 2, d: 2 })
        rmSync(directory, { recursive: true, force: true })
      },
      { mode, tries: 1 },
    )
    const outcome = await ended.then(
      () => 'committed',
      (error) => error.code,
    )
    expect(outcome).toBe(
      { fast: 'committed', locked: 'CASHEWS_TRANSACTION_CONFLICT', serializable: 'CASHEWS_TRANSACTION_CONFLICT' }[mode],
    )
    await using other = setup()
    expect(await other.getMany(['a', 'b', 'c', 'd'])).toEqual(Array(4).fill(mode === 'fast' ? 2 : undefined))
  },
)

it('a transaction that is locked out by another process is known to have written nothing', async () => {
  const directory = freshDirectory()
  const backend = disk({ directory, shards: 2, checkInterval: false })
  await using cache = createCache({ onError() {} }).setup(backend, { readTimeout: '20s', writeTimeout: '100ms' })
  await cache.setMany({ a: 1, b: 1, c: 1, d: 1 })
  const held = filesOf(directory, '.db').map((path) => new Database(path))
  const ended = transaction(
    cache,
    async () => {
      await cache.setMany({ a: 2, b: 2, c: 2, d: 2 })
      for (const file of held) file.exec('BEGIN IMMEDIATE')
    },
    { mode: 'fast' },
  )
  await expect(ended).rejects.toMatchObject({ code: 'CASHEWS_BACKEND_UNAVAILABLE' })
  for (const file of held) file.close()
  expect(await cache.getMany(['a', 'b', 'c', 'd'])).toEqual([1, 1, 1, 1])
})
