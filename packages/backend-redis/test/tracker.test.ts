import { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Tracker } from '../src/client-side/tracker.ts'

const answered = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' })
const REFUSAL = answered("NOPERM no permissions to run 'client|tracking'")

/** A connection to a server that tracks, unless it refuses to. */
class Connection extends EventEmitter {
  status = 'connecting'
  options = {}
  refusal: Error | undefined
  connect = async () => {}
  client = vi.fn(async () => 1)
  call = async () => {
    if (this.refusal) throw this.refusal
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
    this.emit('error', new Error('refused'))
    this.status = 'close'
    this.emit('close')
  }

  hear(...names: readonly string[]): void {
    this.emit('messageBuffer', 'channel', names.map(Buffer.from))
  }
}

describe('a connection that hears of changes', () => {
  let connection: Connection
  let tracker: Tracker
  let prove: (id: string) => Promise<unknown>
  const [changed, lost, failed] = [vi.fn(), vi.fn(), vi.fn()]
  beforeEach(() => {
    vi.useFakeTimers()
    connection = new Connection()
    prove = async (id) => connection.hear(`p:${id}`)
    const host = { prefix: 'p:', maxStale: 1_000, prove: (id: string) => prove(id), changed, lost, failed }
    tracker = new Tracker(connection as unknown as Redis, host)
  })
  afterEach(() => {
    tracker.stop()
    vi.useRealTimers()
    vi.clearAllMocks()
  })

  const isLive = () => vi.waitUntil(() => tracker.isFresh)

  it('tells which keys have changed, or that all may have', async () => {
    connection.open()
    await isLive()
    connection.hear('p:a', 'p:b')
    expect(changed).toHaveBeenLastCalledWith(['p:a', 'p:b'])
    connection.emit('messageBuffer', 'channel', null)
    expect(changed).toHaveBeenLastCalledWith(null)
  })

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
    connection.refusal = REFUSAL
    connection.open()
    await vi.waitUntil(() => failed.mock.calls.length > 0)
    connection.refusal = undefined
    connection.close()
    connection.open()
    await isLive()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(connection.ping).toHaveBeenCalled()
    expect(connection.disconnect).not.toHaveBeenCalled()
  })

  it('is made anew from time to time while the server refuses to track, which is reported once each time', async () => {
    const again = () => {
      connection.close()
      connection.open()
    }
    connection.disconnect.mockImplementation(again)
    for (const times of [1, 2]) {
      connection.refusal = REFUSAL
      again()
      await vi.advanceTimersByTimeAsync(11_000)
      expect(connection.disconnect).toHaveBeenCalledTimes(3 * times - 1)
      connection.refusal = undefined
      await vi.advanceTimersByTimeAsync(5_000)
      expect(tracker.isFresh).toBe(true)
      expect(failed).toHaveBeenCalledTimes(times)
    }
  })

  it.each([answered('LOADING Redis is loading the dataset in memory'), new Error('Connection is closed.')])(
    'is made anew at once, and nothing is reported, after an error that soon passes: %o',
    async (refusal) => {
      connection.refusal = refusal
      connection.open()
      await vi.waitUntil(() => connection.disconnect.mock.calls.length > 0)
      expect(connection.disconnect).toHaveBeenCalledExactlyOnceWith(true)
      expect(failed).not.toHaveBeenCalled()
    },
  )

  it('is not trusted before it has reported its own test write', async () => {
    prove = async () => connection.hear('p:another')
    connection.open()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(tracker.isFresh).toBe(false)
    expect(failed.mock.calls).toEqual([[expect.objectContaining({ message: expect.stringContaining('unreported') })]])
  })

  it('is not trusted when it breaks as it reports its test write', async () => {
    prove = async (id) => {
      connection.hear(`p:${id}`)
      connection.close()
    }
    connection.open()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(tracker.isFresh).toBe(false)
    expect(failed).not.toHaveBeenCalled()
  })

  it('is not trusted for an answer that an earlier connection gave', async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    connection.ping.mockReturnValue(promise)
    connection.open()
    await isLive()
    await vi.advanceTimersByTimeAsync(400)
    expect(connection.ping).toHaveBeenCalled()
    connection.close()
    resolve('PONG')
    await vi.advanceTimersByTimeAsync(0)
    expect(tracker.isFresh).toBe(false)
  })

  it('does nothing any more when it is not needed', async () => {
    connection.open()
    await isLive()
    tracker.stop()
    expect(tracker.isFresh).toBe(false)
    expect(connection.disconnect).toHaveBeenCalledExactlyOnceWith()
    connection.open()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(connection.client).toHaveBeenCalledTimes(1)
    expect(tracker.isFresh).toBe(false)
  })

  it('leaves no timer behind when it is not needed', async () => {
    connection.refusal = REFUSAL
    for (let attempt = 0; attempt < 2; attempt++) {
      connection.open()
      await vi.advanceTimersByTimeAsync(0)
      connection.close()
    }
    connection.refusal = undefined
    prove = async () => {}
    connection.open()
    await vi.advanceTimersByTimeAsync(0)
    tracker.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})
