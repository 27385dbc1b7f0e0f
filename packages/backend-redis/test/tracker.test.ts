import { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Tracker } from '../src/client-side/tracker.ts'

const refusal = () => Object.assign(new Error("NOPERM no permissions to run 'client|tracking'"), { name: 'ReplyError' })

/** A connection to a server that tracks, unless it refuses to. */
class Connection extends EventEmitter {
  status = 'connecting'
  options = {}
  refuses = false
  connect = async () => {}
  client = async () => 1
  call = async () => {
    if (this.refuses) throw refusal()
  }
  subscribe = async () => 1
  ping = vi.fn(async () => 'PONG')
  disconnect = vi.fn()

  open(): void {
    for (const event of ['connect', 'ready']) {
      this.status = event
      this.emit(event)
    }
  }

  close(): void {
    this.status = 'close'
    this.emit('close')
  }
}

describe('a connection that hears of changes', () => {
  let connection: Connection
  let tracker: Tracker
  const [changed, lost, failed] = [vi.fn(), vi.fn(), vi.fn()]
  beforeEach(() => {
    vi.useFakeTimers()
    connection = new Connection()
    const prove = async (id: string) => connection.emit('messageBuffer', 'channel', [Buffer.from(id)])
    const host = { prefix: 'p:', maxStale: 1_000, prove, changed, lost, failed }
    tracker = new Tracker(connection as unknown as Redis, host)
  })
  afterEach(() => {
    tracker.stop()
    vi.useRealTimers()
    vi.clearAllMocks()
  })

  const isLive = () => vi.waitUntil(() => tracker.isFresh)

  it('costs copies when it breaks, but not each time that it cannot be made: others may still hear of changes', async () => {
    for (let attempt = 0; attempt < 3; attempt++) connection.close()
    expect(lost).not.toHaveBeenCalled()
    connection.open()
    await isLive()
    expect(lost).not.toHaveBeenCalled()
    for (let attempt = 0; attempt < 3; attempt++) connection.close()
    expect(lost).toHaveBeenCalledTimes(1)
    expect(tracker.isFresh).toBe(false)
  })

  it('is left alone once it works, although the server has refused to track before', async () => {
    connection.refuses = true
    connection.open()
    await vi.waitUntil(() => failed.mock.calls.length > 0)
    connection.refuses = false
    connection.close()
    connection.open()
    await isLive()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(connection.ping).toHaveBeenCalled()
    expect(connection.disconnect).not.toHaveBeenCalled()
  })

  it('is made anew from time to time while the server refuses to track, which is reported once', async () => {
    connection.disconnect.mockImplementation(() => {
      connection.close()
      connection.open()
    })
    connection.refuses = true
    connection.open()
    await vi.advanceTimersByTimeAsync(11_000)
    expect(connection.disconnect).toHaveBeenCalledTimes(2)
    connection.refuses = false
    await vi.advanceTimersByTimeAsync(5_000)
    expect(tracker.isFresh).toBe(true)
    expect(failed).toHaveBeenCalledTimes(1)
  })

  it('leaves no timer behind when it is not needed any more', async () => {
    connection.refuses = true
    for (let attempt = 0; attempt < 2; attempt++) {
      connection.open()
      await vi.advanceTimersByTimeAsync(0)
      connection.close()
    }
    connection.refuses = false
    connection.open()
    await isLive()
    tracker.stop()
    expect(tracker.isFresh).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})
