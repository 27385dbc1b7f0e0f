import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { registerResponse, registerStreams } from '@cashews/serialization'
import { beforeAll, describe, expect, it } from 'vitest'
import { roundTrip } from './support.ts'

beforeAll(() => {
  registerResponse({ maxBytes: 1_000_000 })
  registerStreams({ maxBytes: 1_000_000 })
})

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of stream)
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString()
  return text
}

describe('a Response', () => {
  it('of a real server comes back whole, and stays unread for the caller', async () => {
    const server = createServer((_, response) => {
      response.writeHead(203, 'Fine', { 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'] })
      for (let part = 0; part < 100; part++) response.write(`part ${part} `.repeat(50))
      response.end('é')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a?b=c`
    const response = await fetch(url)
    const found = (await roundTrip({ response }, { secret: 'a secret of sixteen bytes', compression: 'gzip' })) as {
      response: Response
    }
    server.close()
    server.closeAllConnections()
    expect(found.response).toBeInstanceOf(Response)
    expect(found.response).toMatchObject({ status: 203, statusText: 'Fine', url, ok: true })
    expect(found.response.headers.get('content-type')).toBe('text/plain')
    expect(found.response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    const text = await response.text()
    expect(text.length).toBeGreaterThan(10_000)
    expect(await found.response.text()).toBe(text)
  })

  it('may have no body, or an empty one', async () => {
    const none = (await roundTrip(new Response(null, { status: 204 }))) as Response
    expect([none.status, none.body]).toEqual([204, null])
    expect(await ((await roundTrip(new Response(''))) as Response).text()).toBe('')
  })

  it('that was read already, is too large, or was never received, fails the write', async () => {
    const read = new Response('x')
    await read.text()
    await expect(roundTrip(read)).rejects.toMatchObject({
      code: 'CASHEWS_VALUE',
      message: expect.stringMatching(/already been read/),
    })
    await expect(roundTrip(new Response('x'.repeat(1_000_001)))).rejects.toThrow(/longer than 1000000 bytes/)
    await expect(roundTrip(Response.error())).rejects.toThrow(/a network error/)
  })
})

describe('a stream', () => {
  it('of the web comes back with the same bytes', async () => {
    const found = (await roundTrip([
      ReadableStream.from([Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)]),
    ])) as [ReadableStream]
    expect(found[0]).toBeInstanceOf(ReadableStream)
    expect(await textOf(found[0])).toBe('é')
  })

  it('of Node comes back with the same bytes, and its encoding', async () => {
    const bytes = (await roundTrip(Readable.from([Buffer.from('a'), Buffer.from('b')]))) as Readable
    expect(bytes).toBeInstanceOf(Readable)
    expect(await bytes.toArray()).toEqual([Buffer.from('ab')])
    const text = (await roundTrip(
      Readable.from([Buffer.from('é')], { objectMode: false }).setEncoding('utf8'),
    )) as Readable
    expect(await text.toArray()).toEqual(['é'])
  })

  it('may be empty', async () => {
    expect(await textOf((await roundTrip(Readable.from([]))) as Readable)).toBe('')
    expect(await textOf((await roundTrip(ReadableStream.from([]))) as ReadableStream)).toBe('')
  })

  it('that somebody reads, that fails, that is too long, or that yields objects fails the write', async () => {
    const locked = ReadableStream.from(['x'])
    locked.getReader()
    await expect(roundTrip(locked)).rejects.toThrow(/the stream is already being read/)
    const failing = new Readable({
      read() {
        this.destroy(new Error('the disk is gone'))
      },
    })
    await expect(roundTrip(failing)).rejects.toThrow(/the disk is gone/)
    await expect(roundTrip(Readable.from(['x'.repeat(1_000_001)]))).rejects.toThrow(/longer than/)
    await expect(roundTrip(Readable.from([{ a: 1 }]))).rejects.toThrow(/neither bytes nor text/)
  })

  it('may be just as long as allowed, and is cancelled when it is longer', async () => {
    const found = (await roundTrip(Readable.from(['x'.repeat(1_000_000)]))) as Readable
    expect(await textOf(found)).toHaveLength(1_000_000)
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>()
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(1_000)), cancel })
    await expect(roundTrip(endless)).rejects.toThrow(/longer than/)
    await cancelled
  })
})

it.each([registerResponse, registerStreams])('%o refuses options that it does not have', (register) => {
  const what = `${register.name} takes the options { maxBytes }`
  for (const [options, shown] of [
    [null, 'null'],
    [5, '5'],
    [[], '[]'],
    [{ maxByte: 5 }, 'maxByte'],
  ] as const)
    expect(() => register(options as never)).toThrow(`${what}, not ${shown}.`)
  for (const maxBytes of [null, '1mb', Number.NaN, -1])
    expect(() => register({ maxBytes: maxBytes as never })).toThrow(/^maxBytes must be a number from 1 on, not /)
})
