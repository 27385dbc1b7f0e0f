import { BackendUnavailableError } from '@cashews/core'
import type { Cluster, Redis } from 'ioredis'
import { revive, whenReady, whyUnreachable } from './connecting.ts'
import { end } from './ending.ts'
import { asBackendError } from './errors.ts'
import { isNoSuchDatabase, Watch } from './watch.ts'

/** What the client says when it hides why a connection failed. */
const NO_REASON = 'Connection is closed'

/** Owns a client of one server or of many, from its creation to its end. */
export class ClientHolder<C extends Redis | Cluster> {
  readonly #address: string
  readonly #create: () => C
  readonly #isOwn: boolean
  readonly #scout: (() => Redis) | undefined
  #client: C | undefined
  #watch: Watch | undefined

  /**
   * @param address The address of the server or servers, for messages.
   * @param isOwn Whether the client was created for this holder, and is closed with it.
   * @param scout Makes a test connection, to find out why the client cannot connect.
   */
  constructor(address: string, create: () => C, isOwn: boolean, scout?: () => Redis) {
    this.#address = address
    this.#create = create
    this.#isOwn = isOwn
    this.#scout = scout
  }

  async open(): Promise<void> {
    this.#client ??= this.#made()
    this.#watch ??= new Watch(this.#client, () => this.renew(this.#client))
    try {
      await whenReady(this.#client)
    } catch {
      throw await this.#explained(this.#away())
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    const watch = this.#watch
    this.#client = undefined
    this.#watch = undefined // before the client has ended: meanwhile, the next one may be made
    if (client && this.#isOwn) await end(client)
    watch?.stop()
  }

  /** The client in whatever state; `undefined` before it is created. */
  get client(): C | undefined {
    return this.#client
  }

  /** The client, if commands may be sent now. */
  get connected(): C | undefined {
    return this.#client?.status === 'ready' ? this.#client : undefined
  }

  /** @throws {BackendUnavailableError} When commands cannot be sent now, saying why. */
  ready(): C {
    const client = this.connected
    if (client) return client
    if (this.#client && this.#isOwn && !this.#watch?.hasNoDatabase) revive(this.#client)
    throw this.#away()
  }

  /** Reconnects a client, if it is our own. */
  renew(client: Redis | Cluster | undefined): void {
    if (this.#isOwn) client?.disconnect(true)
  }

  #made(): C {
    const client = this.#create()
    // Otherwise ioredis would go on with database 0, among the keys of somebody else.
    const onError = (error: Error) => isNoSuchDatabase(error) && client.disconnect()
    return this.#isOwn ? (client.on('error', onError) as C) : client
  }

  async #explained(error: Error): Promise<Error> {
    const why = this.#scout && error.message.includes(NO_REASON) && (await whyUnreachable(this.#scout()))
    if (!why) return error
    return new BackendUnavailableError(error.message.replace(NO_REASON, why), { cause: error.cause, isUndone: true })
  }

  #away(): BackendUnavailableError | Error {
    return this.#watch?.whyAway(this.#address) ?? asBackendError(new Error('the connection was closed'))
  }
}
