import { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { afterEach, expect, it, vi } from 'vitest'
import { ReleaseBell } from '../src/release-bell.ts'

/** A connection that hears what a test has it hear. */
class Connection extends EventEmitter {
  readonly status = 'ready'
  connect = async () => {}
  subscribe = async () => 1
  disconnect(): void {}
}

const connection = new Connection()
const bell = new ReleaseBell('released', () => connection as unknown as Redis)
const hear = (name: string) => connection.emit('message', 'released', name)

/** Whether somebody who begins to wait now is told. */
async function isTold(waits: Promise<void>): Promise<boolean> {
  const told = vi.fn()
  waits.then(told)
  await new Promise(setImmediate)
  return told.mock.calls.length > 0
}

afterEach(() => {
  bell.stop()
  connection.removeAllListeners()
})

it('tells who waited longest that a lock is free', async () => {
  const [first, second] = [isTold(bell.released('a', 60_000)), isTold(bell.released('a', 60_000))]
  hear('a')
  expect(await Promise.all([first, second])).toEqual([true, false])
})

it('tells of a release that came before the news that the lock was held', async () => {
  const other = bell.released('other', 60_000)
  hear('a')
  expect(await isTold(bell.released('b', 60_000))).toBe(false)
  expect(await isTold(bell.released('a', 60_000))).toBe(true)
  expect(await isTold(bell.released('a', 60_000))).toBe(false)
  bell.stop()
  await other
})

it('has one of each look again when the connection was lost meanwhile', async () => {
  const waits = ['a', 'b'].map((name) => isTold(bell.released(name, 60_000)))
  connection.emit('ready')
  expect(await Promise.all(waits)).toEqual([true, true])
})
