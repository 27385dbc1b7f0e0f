import type { Duplex } from 'node:stream'
import { Command as ClientCommand } from 'ioredis'
import type { Argument, Command } from './link.ts'
import { gatherWrites } from './one-write.ts'
import { tagOfSlot } from './slot-tags.ts'

/**
 * A command as a client takes it. The constructor of the client's own flattens its arguments, and its writer makes three pieces of
 * each of them once one of them is bytes: for a long list either takes longer than to send it.
 */
export class SentCommand extends ClientCommand {
  declare args: Argument[]
  readonly #slot: number | undefined

  /** @param slot Of its keys, for a client of a Cluster. */
  constructor({ name, args }: Command, slot?: number) {
    super(name)
    this.args = args as Argument[]
    this.#slot = slot
  }

  /** A client of a Cluster computes the slot of each key, twice in a pipeline: it is told a short one of the same slot. */
  override getKeys(): (string | Buffer)[] {
    return this.#slot === undefined ? super.getKeys() : [tagOfSlot(this.#slot)]
  }

  /** Tells who waits another error than the one that came. */
  explainBy(explained: (error: unknown) => Error): void {
    const { reject } = this
    this.reject = (error) => reject(explained(error))
  }

  /** Called by the client when it writes the command to its socket. */
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

  /** Answers bytes as they come, whatever an application has taught the client to make of them. */
  override transformReply<T>(reply: T): T {
    return reply
  }

  /** A client of ioredis 6 tells each command how to read its reply, also those that the class of ioredis 5 made. */
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
