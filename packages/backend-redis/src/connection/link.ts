import type { Milliseconds } from '@cashews/core'
import type { ChainableCommander, Cluster, Redis } from 'ioredis'
import { SentCommand } from './client-command.ts'

/** An argument of a Redis command. */
export type Argument = string | Buffer | number

/** One command, and the key that decides which server it goes to. Text in the answer is bytes. */
export interface Command {
  readonly name: 'get' | 'mget' | 'exists' | 'pttl' | 'spop' | 'evalsha' | 'eval'
  readonly args: readonly Argument[]
  readonly key: string
}

/** What the sender of a command knows about it. */
interface Sending {
  /** The slot of the command's keys, for a client of a Cluster. */
  readonly slot?: number | undefined
  /** Converts an error of the client. @default leaves it as it is */
  readonly explained?: (error: unknown) => Error
}

/** Sends a command by a client or a pipeline. Works with a client of another copy of ioredis too. */
export function sendBy<C extends Redis | Cluster | ChainableCommander>(
  client: C,
  command: Command,
  { slot, explained }: Sending = {},
): C extends ChainableCommander ? C : Promise<unknown> {
  const sent = new SentCommand(command, slot)
  if (explained) sent.explainBy(explained)
  return (client as Pick<Redis, 'sendCommand'>).sendCommand(sent) as never
}

/** A server that holds keys. While it is unreachable, it is not one of {@link Link.servers}. */
export interface Server {
  readonly id: string
  readonly client: Redis
  /** One of its slots; absent where there are none. */
  readonly slot?: number | undefined
}

/** The connection to one server or to many, whatever the topology. Every error is one of the backend contract. */
export interface Link {
  /** The address for messages, without a password. */
  readonly address: string
  /** How long a caller waits at most, in milliseconds: no server counts as unreachable before that. */
  patience: Milliseconds
  /** Called when a server that was unreachable, while others were not, is about to be asked again. */
  back: () => void
  /** Connects, and waits until commands can be sent. May be called again after a failure. */
  open(): Promise<void>
  /** Gives pending commands a moment to finish, and closes the connections that it made. */
  close(): Promise<void>
  /** Sends a command, or rejects at once: commands are never queued for a server that is unreachable. */
  send(command: Command): Promise<unknown>
  /** Sends commands in as few writes as possible. If a command fails, its answer is the error. */
  sendAll(commands: readonly Command[]): Promise<unknown[]>
  /** Groups the positions of names that can be in one command; `undefined` when all can. */
  groups(names: readonly string[]): number[][] | undefined
  /** Groups the positions of names by their server; `undefined` when one server holds all, or none is known. */
  perServer(names: readonly string[]): number[][] | undefined
  /** Whether all these names can be in one command. */
  mayMeet(names: readonly string[]): boolean
  /** The servers that together hold every key once; none while they are unreachable. */
  servers(): readonly Server[]
  /** Sends something to one of {@link servers}, or rejects at once. */
  sendTo<T>(server: Server, send: () => Promise<T>): Promise<T>
  /** The address of a server that holds keys but is missing in {@link servers}, because it is unreachable. */
  missing(): string | undefined
  /** The id of the server that holds a name. */
  ownerOf(name: string): string
  /** Calls `changed` when {@link servers}, or the keys that they hold, may have changed. Returns a function that stops it. */
  watchServers(changed: () => void): () => void
  /** Refreshes what is known about the servers, because it turned out to be wrong. */
  lookAgain(): void
  /** Whether one silent server says nothing about the others, some of which may still answer. */
  isPartlyThere(): boolean
  /** Answers when a server does, and reconnects where there is silence. */
  ping(message: string): Promise<string>
  /** Makes a connection for pub/sub messages. The caller closes it. */
  subscriber(): Redis
}
