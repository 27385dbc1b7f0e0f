import { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { afterEach, expect, it, vi } from 'vitest'
import { ReleaseBell, SUBSCRIBING } from '../src/connection/release-bell.ts'

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

it('wakes the next one when the lock is freed again', async () => {
  const waits = ['first', 'second'].map(() => bell.released('a', 60_000))
  for (const waiting of waits) {
    hear('a')
    await waiting
  }
})

it('leaves no timer behind when it has woken somebody', async () => {
  vi.useFakeTimers()
  const waiting = bell.released('a', 60_000)
  hear('a')
  await waiting
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

it('remembers the last thousand releases that nobody waited for', async () => {
  const other = bell.released('other', 60_000)
  const freed = ['a', 'b', ...Array.from({ length: 998 }, (_, at) => `many:${at}`)]
  for (const name of [...freed, 'a', 'one more']) hear(name)
  expect(await isTold(bell.released('b', 60_000))).toBe(false)
  expect(await isTold(bell.released('a', 60_000))).toBe(true)
  expect(await isTold(bell.released('many:0', 60_000))).toBe(true)
  bell.stop()
  await other
})

it('connects when somebody waits, survives errors, and disconnects when it is stopped', async () => {
  const single = new Connection()
  const [connects, disconnects] = [vi.spyOn(single, 'connect'), vi.spyOn(single, 'disconnect')]
  const own = new ReleaseBell('released', () => single as unknown as Redis)
  expect(connects).not.toHaveBeenCalled()
  const waiting = own.released('a', 60_000)
  expect(connects).toHaveBeenCalledOnce()
  single.emit('error', new Error('refused'))
  own.stop()
  await waiting
  expect(disconnects).toHaveBeenCalledOnce()
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
