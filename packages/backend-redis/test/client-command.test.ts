import { Duplex, PassThrough } from 'node:stream'
import fc from 'fast-check'
import { Command as ClientCommand } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { SentCommand } from '../src/connection/client-command.ts'
import type { Argument } from '../src/connection/link.ts'
import { slotOf } from '../src/keys/slot.ts'

const bytes = fc.uint8Array().map((each) => Buffer.from(each))
const argument: fc.Arbitrary<Argument> = fc.oneof(fc.string({ unit: 'binary' }), bytes, fc.integer())

function sent(args: readonly Argument[]): SentCommand {
  return new SentCommand({ name: 'evalsha', args, key: 'key' })
}

describe('a command as a client takes it', () => {
  it('is written exactly as the client would write it, whatever its arguments', () => {
    fc.assert(
      fc.property(fc.array(argument), (args) => {
        const written = Buffer.from(sent(args).toWritable(new PassThrough()))
        expect(written).toEqual(Buffer.from(new ClientCommand('evalsha', args).toWritable({})))
      }),
    )
  })

  it('leaves its arguments as they are', () => {
    const args = Object.freeze(['sha', 1, 'key', Buffer.from('value')])
    sent(args).toWritable(new PassThrough())
    expect(args).toEqual(['sha', 1, 'key', Buffer.from('value')])
  })

  it('is sent together with the others of its turn, by one write of the socket', async () => {
    const writes: string[] = []
    const socket = new Duplex({
      writev(chunks, done) {
        writes.push(chunks.map(({ chunk }) => String(chunk)).join(''))
        done()
      },
    })
    for (const turn of ['first', 'second']) {
      for (const nth of [1, 2, 3]) socket.write(sent([`${turn} ${nth}`]).toWritable(socket))
      await new Promise(setImmediate)
    }
    expect(writes).toEqual([
      expect.stringMatching(/first 1.*first 2.*first 3/s),
      expect.stringMatching(/second 1.*second 2.*second 3/s),
    ])
  })

  it('gives a client of a Cluster one key in its slot', () => {
    const command = new SentCommand(
      { name: 'mget', args: ['user:{42}', 'orders:{42}'], key: 'user:{42}' },
      slotOf('42'),
    )
    expect(command.getKeys().map((key) => slotOf(String(key)))).toEqual([slotOf('42')])
  })

  it('returns the reply unchanged, whatever transformation the application has registered', async () => {
    ClientCommand.setReplyTransformer('evalsha', () => 'something else')
    try {
      const command = sent([])
      command.resolve([Buffer.from('a'), 1, null])
      expect(await command.promise).toEqual([Buffer.from('a'), 1, null])
    } finally {
      ClientCommand.setReplyTransformer('evalsha', (reply) => reply)
    }
  })

  it('rejects with the converted error', async () => {
    const command = sent([])
    command.explainBy((error) => new Error(`explained: ${(error as Error).message}`))
    command.reject(new Error('raw'))
    await expect(command.promise).rejects.toThrow('explained: raw')
  })

  it('has the method that a client of ioredis 6 calls, even if its class is from ioredis 5', () => {
    expect(Object.hasOwn(SentCommand.prototype, 'setReplyContext')).toBe(true)
  })
})
