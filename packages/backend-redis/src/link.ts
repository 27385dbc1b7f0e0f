import type { Milliseconds } from '@cashews/core'
import type { ChainableCommander, Cluster, Redis } from 'ioredis'
import { SentCommand } from './client-command.ts'

/** What Redis takes as an argument. */
export type Argument = string | Buffer | number

/** One command, and the key that says where it goes. Text is answered as bytes. */
export interface Command {
  readonly name: 'get' | 'mget' | 'exists' | 'pttl' | 'spop' | 'evalsha' | 'eval'
  readonly args: readonly Argument[]
  readonly key: string
}

/** What the sender of a command knows of it. */
interface Sending {
  /** The slot of its keys, for a client of a Cluster. */
  readonly slot?: number | undefined
  /** Makes an error of the contract of one that came. @default as it came */
  readonly explained?: (error: unknown) => Error
}

/** Has a client, or a pipeline, send a command. A client of another copy of ioredis takes it as well. */
export function sendBy<C extends Redis | Cluster | ChainableCommander>(
  client: C,
  command: Command,
  { slot, explained }: Sending = {},
): C extends ChainableCommander ? C : Promise<unknown> {
  const sent = new SentCommand(command, slot)
  if (explained) sent.explainBy(explained)
  return (client as Pick<Redis, 'sendCommand'>).sendCommand(sent) as never
}

/** A server that holds keys. Another connection to it is another server: what happened in between is unknown. */
export interface Server {
  readonly id: string
  readonly client: Redis
  /** A slot it holds; absent where there are no slots. */
  readonly slot?: number | undefined
}

/** The way to a server or to many, whatever their topology. Every error is one of the contract of a backend. */
export interface Link {
  /** Where it leads to, for messages; without any password. */
  readonly address: string
  /** Connects, and waits until commands may be sent. Called again after a failure, it waits again. */
  open(): Promise<void>
  /** Lets what is under way finish, within a moment, and ends the connections that it made. */
  close(): Promise<void>
  /** Sends a command, or refuses to at once: nothing is kept for a server that is away. */
  send(command: Command): Promise<unknown>
  /** Sends commands in as few writes as possible. An answer may be the error of its command. */
  sendAll(commands: readonly Command[]): Promise<unknown[]>
  /** Splits positions so that the names at the positions of one group may stand in one command; `undefined` when all may. */
  groups(names: readonly string[]): number[][] | undefined
  /** Splits positions by the server that holds the names at them; `undefined` when one holds all, or none is known. */
  perServer(names: readonly string[]): number[][] | undefined
  /** Whether one command may name all of these. */
  mayMeet(names: readonly string[]): boolean
  /** The servers that together hold every key once. None while they are away. */
  servers(): readonly Server[]
  /** The address of a server that holds keys and is not one of {@link servers}, as it is away. */
  missing(): string | undefined
  /** The id of the server that holds a name. */
  ownerOf(name: string): string
  /** Tells when {@link servers} changed, or what they hold. Answers how to stop. */
  watchServers(changed: () => void): () => void
  /** Asks once more which servers there are, and what they hold: what was known was wrong. */
  lookAgain(): void
  /** Whether what one server owes says nothing about the others, of which some may answer. */
  isPartlyThere(): boolean
  /** Tells for how long a caller waits at most: no server counts as away before. */
  bePatient(patience: Milliseconds): void
  /** Answers when a server does, and renews connections that are silent. */
  ping(message: string): Promise<string>
  /** A connection for messages. The caller ends it. */
  subscriber(): Redis
}
