import { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { afterEach, expect, it, vi } from 'vitest'
import { ReleaseBell, SUBSCRIBING } from '../src/release-bell.ts'

/** A connection that hears what a test has it hear. */
class Connection extends EventEmitter {
  status = 'ready'
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

it('wakes the waiter that has waited longest when a lock is freed', async () => {
  const [first, second] = [isTold(bell.released('a', 60_000)), isTold(bell.released('a', 60_000))]
  hear('a')
  expect(await Promise.all([first, second])).toEqual([true, false])
})

it('notices a release that came before the answer that the lock was held', async () => {
  const other = bell.released('other', 60_000)
  hear('a')
  expect(await isTold(bell.released('b', 60_000))).toBe(false)
  expect(await isTold(bell.released('a', 60_000))).toBe(true)
  expect(await isTold(bell.released('a', 60_000))).toBe(false)
  bell.stop()
  await other
})

it('wakes one waiter per lock after the connection was lost', async () => {
  const waits = ['a', 'b'].map((name) => isTold(bell.released(name, 60_000)))
  connection.emit('ready')
  expect(await Promise.all(waits)).toEqual([true, true])
})

it('reconnects, perhaps to another node, if its connection does not come back for long', async () => {
  const tries = Array.from({ length: 30 }, (_, at) => SUBSCRIBING.retryStrategy?.(at + 1))
  const [pauses, gaveUp] = [tries.filter((pause) => pause !== null), tries.indexOf(null)]
  expect(pauses.reduce((sum, pause) => Number(sum) + Number(pause), 0)).toBeGreaterThan(3_000)
  expect(tries.slice(gaveUp).every((pause) => pause === null)).toBe(true)

  const connections = [new Connection(), new Connection()]
  const renewed = new ReleaseBell('released', () => connections.shift() as unknown as Redis)
  const [first, second] = [...connections]
  const waits = renewed.released('a', 60_000)
  Object.assign(first ?? {}, { status: 'end' })
  const alsoWaits = renewed.released('b', 60_000)
  second?.emit('message', 'released', 'a')
  second?.emit('message', 'released', 'b')
  await Promise.all([waits, alsoWaits])
  renewed.stop()
})
