import { join } from 'node:path'
import { systemClock } from '@cashews/core'
import { afterEach, expect, it, vi } from 'vitest'
import { Checkpointer } from '../src/checkpointer.ts'
import { Log } from '../src/log.ts'
import { divide } from '../src/room.ts'
import { ShardFile } from '../src/shard-file.ts'
import { temporaryDirectory } from './support.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

it('a writer that waits for a log tries again at once when it was copied whole, though others have written meanwhile', async () => {
  const room = { ...divide(8 * 1024 ** 2), mostBytes: 0 }
  const file = new ShardFile(join(temporaryDirectory(), 'log.db'), { room, synchronous: 'OFF', clock: systemClock })
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
