import { BackendError, type CashewsError, type Milliseconds } from '@cashews/core'
import type { Redis } from 'ioredis'
import { ClientHolder } from './client-holder.ts'
import { asBackendError } from './errors.ts'
import { type Command, type Link, type Server, sendBy } from './link.ts'
import { signOfLife } from './patience.ts'
import { SUBSCRIBING } from './release-bell.ts'
import { inParts, TOGETHER } from './together.ts'

/** The link to one server: standalone, or the master named by a Sentinel. */
export class ServerLink implements Link {
  readonly address: string
  patience: Milliseconds = Number.POSITIVE_INFINITY
  back = (): void => {}
  readonly #holder: ClientHolder<Redis>

  /** As of a {@link ClientHolder}. */
  constructor(address: string, create: () => Redis, isOwn: boolean, scout?: () => Redis) {
    this.address = address
    this.#holder = new ClientHolder(address, create, isOwn, scout)
  }

  open(): Promise<void> {
    return this.#holder.open()
  }

  close(): Promise<void> {
    return this.#holder.close()
  }

  send(command: Command): Promise<unknown> {
    return sendBy(this.#holder.ready(), command, EXPLAINED)
  }

  async sendAll(commands: readonly Command[]): Promise<unknown[]> {
    const [only] = commands
    if (only !== undefined && commands.length === 1) return [await this.send(only).catch((error) => error)]
    const pipeline = this.#holder.ready().pipeline()
    for (const command of commands) sendBy(pipeline, command)
    const answers = (await pipeline.exec().catch(rethrow)) ?? []
    return answers.map(([error, answer]) => (error ? explained(error) : answer))
  }

  groups(names: readonly string[]): number[][] | undefined {
    if (names.length > 0 && names.length <= TOGETHER) return undefined
    return inParts([...names.keys()])
  }

  perServer(): undefined {}

  mayMeet(): boolean {
    return true
  }

  servers(): readonly Server[] {
    const client = this.#holder.connected
    return client ? [{ id: this.address, client }] : []
  }

  sendTo<T>(_server: Server, send: () => Promise<T>): Promise<T> {
    return send()
  }

  missing(): undefined {}

  ownerOf(): string {
    return this.address
  }

  watchServers(changed: () => void): () => void {
    const { client } = this.#holder
    client?.on('ready', changed).on('close', changed)
    return () => client?.off('ready', changed).off('close', changed)
  }

  lookAgain(): void {}

  isPartlyThere(): boolean {
    return false
  }

  async ping(message: string): Promise<string> {
    const client = this.#holder.ready()
    return signOfLife(client, message, () => this.#holder.renew(client)).catch(rethrow)
  }

  subscriber(): Redis {
    return this.#holder.ready().duplicate(SUBSCRIBING)
  }
}

const EXPLAINED = { explained }

function rethrow(error: unknown): never {
  throw explained(error)
}

/** The errors of a Cluster that is used as if it were one server. */
const OF_CLUSTER = /^(?:MOVED|CROSSSLOT)\b/

function explained(error: unknown): CashewsError {
  const { message } = error as Error
  if (!OF_CLUSTER.test(message)) return asBackendError(error)
  const how = "set it up by redis({ cluster: ['host:6379'] }) or redis+cluster://"
  return new BackendError(`Redis answered: ${message}. This server is part of a Cluster: ${how}.`, { cause: error })
}
