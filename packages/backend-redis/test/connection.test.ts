import { EventEmitter, once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createCache } from '@cashews/core'
import type { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { whenReady } from '../src/connection/connecting.ts'
import { end } from '../src/connection/ending.ts'
import { Watch } from '../src/connection/watch.ts'
import { redis } from '../src/redis.ts'

/** A client whose connection is in the state that a test gives it. */
class Client extends EventEmitter {
  status = 'ready'
  quit = vi.fn(async () => {
    queueMicrotask(() => this.emit('end'))
    return 'OK'
  })
  disconnect = vi.fn()

  get asRedis(): Redis {
    return this as unknown as Redis
  }
}

let client: Client
beforeEach(() => {
  vi.useFakeTimers()
  client = new Client()
})
afterEach(() => vi.useRealTimers())

it('a client that has ended politely keeps no process alive', async () => {
  await end(client.asRedis)
  expect(client.quit).toHaveBeenCalledOnce()
  expect(vi.getTimerCount()).toBe(0)
})

it('a client whose server does not answer is ended by force after half a second', async () => {
  client.quit.mockReturnValue(new Promise(() => {}))
  const ended = end(client.asRedis)
  await vi.advanceTimersByTimeAsync(499)
  expect(client.disconnect).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  await ended
  expect(client.disconnect).toHaveBeenCalledExactlyOnceWith()
})

it('the reason of an outage is not given for the next one', () => {
  const watch = new Watch(client.asRedis, vi.fn())
  client.emit('error', new Error('connect ECONNREFUSED'))
  expect(watch.whyAway('here').message).toContain('ECONNREFUSED')
  client.emit('ready')
  client.status = 'reconnecting'
  expect(watch.whyAway('here').message).toBe('Redis at here is not connected (reconnecting)')
  watch.stop()
})

it('a client that is closed in the midst of a handshake is not waited for', async () => {
  client.status = 'connect'
  const stuck = vi.fn()
  const watch = new Watch(client.asRedis, stuck)
  client.emit('connect')
  expect(vi.getTimerCount()).toBeGreaterThan(0)
  watch.stop()
  expect(vi.getTimerCount()).toBe(0)
  expect(client.eventNames()).toEqual([])
})

it.each(['ready', 'close', 'end', 'error'])(
  'no listener is left on a client that was waited for until %s',
  async (event) => {
    client.status = 'connecting'
    const waiting = whenReady(client.asRedis).catch((error) => error.message)
    client.emit(event, new Error('All sentinels are unreachable'))
    expect(await waiting).toBe(event === 'ready' ? undefined : 'the connection was closed')
    expect(client.eventNames()).toEqual([])
  },
)

it('nothing is written to the console by a Cluster address where no Redis answers', async () => {
  vi.useRealTimers()
  const written = vi.spyOn(console, 'error').mockImplementation(() => {})
  const webServer = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'))
  }).listen(0, '127.0.0.1')
  try {
    await once(webServer, 'listening')
    const { port } = webServer.address() as AddressInfo
    await using cache = createCache().setup(redis({ cluster: [`127.0.0.1:${port}`] }), { suppress: false })
    await expect(cache.ping()).rejects.toThrow('Failed to refresh slots cache: Unknown RESP type')
    expect(written).not.toHaveBeenCalled()
  } finally {
    written.mockRestore()
    webServer.close()
  }
})
