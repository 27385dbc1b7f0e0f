import type { Duplex } from 'node:stream'
import { Command as ClientCommand } from 'ioredis'
import { tagOfSlot } from '../keys/slot-tags.ts'
import type { Argument, Command } from './link.ts'
import { gatherWrites } from './one-write.ts'

/**
 * A command in the form that a client of ioredis sends. ioredis' own class flattens the arguments, and if one of them is
 * bytes, splits each of them into three pieces. For a long list, either takes longer than sending it.
 */
export class SentCommand extends ClientCommand {
  declare args: Argument[]
  readonly #slot: number | undefined

  /** @param slot The slot of its keys, for a client of a Cluster. */
  constructor({ name, args }: Command, slot?: number) {
    super(name)
    this.args = args as Argument[]
    this.#slot = slot
  }

  /** A client of a Cluster computes the slot of each key, in a pipeline even twice. It is given one short key of that slot. */
  override getKeys(): (string | Buffer)[] {
    return this.#slot === undefined ? super.getKeys() : [tagOfSlot(this.#slot)]
  }

  /** Replaces the error with which the caller's promise rejects. */
  explainBy(explained: (error: unknown) => Error): void {
    const { reject } = this
    this.reject = (error) => reject(explained(error))
  }

  /** Called by the client when it is about to write the command to its socket. */
  override toWritable(socket: object): string | Buffer {
    const { name, args } = this
    if (name !== 'get' && name !== 'mget') gatherWrites(socket as Duplex) // reads of a turn are one command already
    const pieces: (string | Buffer)[] = []
    let text = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`
    for (const arg of args)
      if (typeof arg === 'object') {
        pieces.push(`${text}$${arg.length}\r\n`, arg)
        text = '\r\n'
      } else {
        const part = typeof arg === 'string' ? arg : String(arg)
        text += `$${Buffer.byteLength(part)}\r\n${part}\r\n`
      }
    if (pieces.length === 0) return text
    pieces.push(text)
    return joined(pieces)
  }

  /** Returns the reply unchanged, even if the application has registered a transformer for this command. */
  override transformReply<T>(reply: T): T {
    return reply
  }

  /** Called by a client of ioredis 6. The class of ioredis 5, which may be the base of this one, has no such method. */
  override setReplyContext(): void {}
}

function joined(pieces: readonly (string | Buffer)[]): Buffer {
  let size = 0
  for (const piece of pieces) size += Buffer.byteLength(piece)
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const piece of pieces)
    if (typeof piece === 'string') at += bytes.write(piece, at)
    else {
      bytes.set(piece, at)
      at += piece.length
    }
  return bytes
}
