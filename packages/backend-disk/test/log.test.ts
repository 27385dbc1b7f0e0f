import { join } from 'node:path'
import { systemClock } from '@cashews/core'
import Sqlite from 'better-sqlite3'
import { afterEach, expect, it, vi } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'
import { Checkpointer } from '../src/files/checkpointer.ts'
import { Log } from '../src/files/log.ts'
import { ShardFile } from '../src/files/shard-file.ts'
import { divide } from '../src/upkeep/room.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

it('a log is as long as what was copied and what was written during the copy, until nobody writes during one', async () => {
  const room = divide(8 * 1024 ** 2)
  const file = new ShardFile(join(freshDirectory(), 'log.db'), { room, synchronous: 'OFF', clock: systemClock })
  const checkpointer = new Checkpointer('OFF')
  const log = new Log(file, room, checkpointer, () => {})
  const part = 0.6 * room.logBytes
  const copy = vi.spyOn(checkpointer, 'copy').mockImplementationOnce(async () => {
    file.logBytes += part
    return { logBytes: part, isWhole: true }
  })
  file.logBytes = part
  await log.copy('PASSIVE')
  expect([file.logBytes, log.isTooLong]).toEqual([2 * part, true])
  copy.mockResolvedValueOnce({ logBytes: 2 * part, isWhole: true })
  await log.shorten()
  expect([file.logBytes, log.isTooLong]).toEqual([0, false])
  file.close()
})

it('a writer that waits for a log tries again at once when it was copied whole, though others have written meanwhile', async () => {
  const room = { ...divide(8 * 1024 ** 2), mostBytes: 0 }
  const file = new ShardFile(join(freshDirectory(), 'log.db'), { room, synchronous: 'OFF', clock: systemClock })
  const checkpointer = new Checkpointer('OFF')
  const log = new Log(file, room, checkpointer, () => {})
  const copy = vi.spyOn(checkpointer, 'copy').mockImplementation(async () => {
    file.logBytes += 2 * room.logBytes
    return { logBytes: 0, isWhole: true }
  })
  file.logBytes = 2 * room.logBytes
  const wait = vi.spyOn(globalThis, 'setTimeout')
  await log.shorten()
  expect(copy).toHaveBeenCalledOnce()
  expect(wait).not.toHaveBeenCalled()
  file.close()
})

it('a log that a reader keeps from being reused grows into the room that is left, and no further', async () => {
  const room = divide(8 * 1024 ** 2)
  const file = new ShardFile(join(freshDirectory(), 'log.db'), { room, synchronous: 'OFF', clock: systemClock })
  const checkpointer = new Checkpointer('OFF')
  const log = new Log(file, room, checkpointer, () => {})
  vi.spyOn(checkpointer, 'copy').mockImplementation(async () => ({ logBytes: file.logBytes, isWhole: false }))
  const most = room.mostBytes - file.bytes()
  file.logBytes = most - 1
  await log.shorten()
  expect(log.isTooLong).toBe(false)
  file.logBytes = most + 1
  expect(log.isTooLong).toBe(true)
  file.close()
})

it('a log is not whole for writers who wait while somebody reads in it, though all of it was copied', async () => {
  const path = join(freshDirectory(), 'log.db')
  const [writer, reader] = [new Sqlite(path), new Sqlite(path)]
  writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  reader.exec('BEGIN')
  reader.prepare('SELECT x FROM t').all()
  const checkpointer = new Checkpointer('OFF')
  expect(await checkpointer.copy(path, 'PASSIVE')).toMatchObject({ isWhole: true })
  expect(await checkpointer.copy(path, 'RESTART')).toMatchObject({ isWhole: false })
  reader.exec('COMMIT')
  expect(await checkpointer.copy(path, 'RESTART')).toMatchObject({ isWhole: true })
  for (const each of [writer, reader, checkpointer]) await each.close()
})
