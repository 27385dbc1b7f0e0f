import { BackendUnavailableError } from '@cashews/core'
import type { Cluster, Redis } from 'ioredis'
import { withoutPassword } from './errors.ts'
import { HANDSHAKE, later } from './patience.ts'

/** How many times as long the handshake may take while the server is loading its data: less than the 5 s of a cache's `init`. */
const HANDSHAKES_WHILE_LOADING = 4

/** Watches a client: remembers its last error until it is connected again, and notices a handshake that takes too long. */
export class Watch {
  readonly #client: Redis | Cluster
  readonly #stuck: () => void
  #trouble: Error | undefined
  #isLoading = false
  #stopWaiting = (): void => {}

  /** @param stuck Called when a server has accepted the connection but does not finish the handshake in time. */
  constructor(client: Redis | Cluster, stuck: () => void) {
    this.#client = client
    this.#stuck = stuck
    client.on('error', this.#onError)
    client.on('connect', this.#onConnect)
    client.on('ready', this.#onReady)
  }

  /** The error that says why no command can be sent now. */
  whyAway(address: string): BackendUnavailableError {
    const trouble = this.#isLoading ? new Error('it is loading its data') : this.#trouble
    const { message, lastNodeError } = (trouble ?? {}) as Partial<Error> & { readonly lastNodeError?: Error }
    const why = [message?.replace(/\.$/, ''), lastNodeError?.message].filter(Boolean).map((text) => `: ${text}`)
    return new BackendUnavailableError(`Redis at ${address} is not connected (${this.#client.status})${why.join('')}`, {
      cause: trouble,
      isUndone: true,
    })
  }

  /** Whether the last error was that the server has no database of this number. */
  get hasNoDatabase(): boolean {
    return this.#trouble !== undefined && isNoSuchDatabase(this.#trouble)
  }

  stop(): void {
    this.#stopWaiting()
    this.#client.off('error', this.#onError)
    this.#client.off('connect', this.#onConnect)
    this.#client.off('ready', this.#onReady)
  }

  readonly #onError = (error: Error): void => {
    // The errors that follow from it do not mention it.
    if (!this.hasNoDatabase) this.#trouble = withoutPassword(error)
  }

  /** What was wrong before says nothing about the next outage. */
  readonly #onReady = (): void => {
    if (!this.hasNoDatabase) this.#trouble = undefined
  }

  readonly #onConnect = (): void => {
    this.#isLoading = false
    this.#awaitHandshake(HANDSHAKES_WHILE_LOADING)
  }

  #awaitHandshake(patience: number): void {
    this.#stopWaiting()
    const isUnderWay = () => this.#client.status === 'connect'
    const stopAsking = later(HANDSHAKE / 2, () => isUnderWay() && this.#askWhetherLoading())
    const stopWaiting = later(HANDSHAKE, () => {
      if (!isUnderWay()) this.#isLoading = false
      else if (this.#isLoading && patience > 1) this.#awaitHandshake(patience - 1)
      else this.#stuck()
    })
    this.#stopWaiting = () => {
      stopAsking()
      stopWaiting()
    }
  }

  #askWhetherLoading(): void {
    isLoading(this.#client).then(
      (answer) => {
        this.#isLoading = answer
      },
      () => {},
    )
  }
}

/** Whether an error says that the server has no database of this number. */
export function isNoSuchDatabase({ message }: Error): boolean {
  return message.includes('DB index is out of range')
}

/** Whether a server that has not finished the handshake is loading its data. */
async function isLoading(client: Redis | Cluster): Promise<boolean> {
  return String(await client.info('persistence')).includes('\nloading:1')
}
