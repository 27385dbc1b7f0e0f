import { BackendUnavailableError, type Milliseconds } from '@cashews/core'
import type { Cluster, Redis } from 'ioredis'
import { withoutPassword } from './errors.ts'

/** How long a server may be silent before its connection is taken for dead. */
const SILENCE: Milliseconds = 200

/** How long the handshake on a new connection may take. */
const HANDSHAKE: Milliseconds = 1_000

/** How many times as long it may take a server that says that it is loading its data: less than a cache waits for its store. */
const HANDSHAKES_WHILE_LOADING = 4

/**
 * Acts after a while, unless what was waited for has come: it is looked for once more, because a process that was busy
 * itself runs its timers before it reads what has arrived. Answers how to stop.
 */
export function later(timeout: Milliseconds, act: () => unknown): () => void {
  let isOver = false
  const timer = setTimeout(() => setImmediate(() => isOver || act()), timeout)
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

/** Asks a server for a sign of life. A connection that gives none is `renew`ed; one that still shakes hands has longer. */
export async function signOfLife(client: Redis, message: string, renew: () => void): Promise<string> {
  const stop = later(client.status === 'ready' ? SILENCE : HANDSHAKE, renew)
  try {
    return await client.ping(message)
  } finally {
    stop()
  }
}

/**
 * Connects a client of Sentinels again that has given up: ioredis does when it hears of a new master while it asks a Sentinel
 * for the old one, and takes its own end of that for ours.
 */
export function revive(client: Redis | Cluster): void {
  const isOfSentinels = 'sentinels' in client.options && client.options.sentinels
  if (client.status === 'end' && isOfSentinels) (client as Redis).connect().catch(() => {})
}

/**
 * What stops a connection, in its own words: ioredis makes the connections by which it asks Sentinels and nodes, and keeps to itself
 * why they fail. `undefined` when nothing does.
 *
 * @param scout A connection that nobody uses. It is ended.
 */
export function whyUnreachable(scout: Redis): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  scout.once('error', ({ message }) => resolve(message))
  scout.connect().then(
    () => resolve(undefined),
    ({ message }) => resolve(message),
  )
  return promise.finally(() => scout.disconnect())
}

/** Whether a server that has not finished the handshake says that it is loading its data. */
async function isLoading(client: Redis | Cluster): Promise<boolean> {
  return String(await client.info('persistence')).includes('\nloading:1')
}

/** Whether a server has no database of the number that was asked for. */
export function isNoSuchDatabase({ message }: Error): boolean {
  return message.includes('DB index is out of range')
}

/** Knows what a client last complained about, and how long it shakes hands. */
export class Watch {
  readonly #client: Redis | Cluster
  readonly #stuck: () => void
  #trouble: Error | undefined
  #isLoading = false
  #stopWaiting = (): void => {}

  /** @param stuck Hears that a server has taken the connection, and does not finish the handshake in time. */
  constructor(client: Redis | Cluster, stuck: () => void) {
    this.#client = client
    this.#stuck = stuck
    client.on('error', this.#onError)
    client.on('connect', this.#onConnect)
  }

  /** Says why no command can be sent now. */
  whyAway(address: string): BackendUnavailableError {
    const trouble = this.#isLoading ? new Error('it is loading its data') : this.#trouble
    const { message, lastNodeError } = (trouble ?? {}) as Partial<Error> & { readonly lastNodeError?: Error }
    const why = [message?.replace(/\.$/, ''), lastNodeError?.message].filter(Boolean).map((text) => `: ${text}`)
    return new BackendUnavailableError(`Redis at ${address} is not connected (${this.#client.status})${why.join('')}`, {
      cause: trouble,
      isUndone: true,
    })
  }

  /** Whether the server has no database of the number that was asked for. */
  get hasNoDatabase(): boolean {
    return this.#trouble !== undefined && isNoSuchDatabase(this.#trouble)
  }

  stop(): void {
    this.#stopWaiting()
    this.#client.off('error', this.#onError)
    this.#client.off('connect', this.#onConnect)
  }

  readonly #onError = (error: Error): void => {
    // What follows from it says nothing of it.
    if (!this.hasNoDatabase) this.#trouble = withoutPassword(error)
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

/** Waits until a client may be used; rejects as soon as its attempt to connect has failed. */
export function whenReady(client: Redis | Cluster): Promise<void> {
  if (client.status === 'ready') return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => () => {
      client.off('ready', onReady)
      client.off('close', onClose)
      client.off('end', onClose)
      client.off('error', onError)
      then()
    }
    const onReady = settle(resolve)
    const onClose = settle(() => reject(new Error('the connection was closed')))
    // A client of Sentinels that finds none goes on looking, and closes nothing.
    const onError = () => client.status === 'connecting' && onClose()
    client.on('error', onError)
    client.once('ready', onReady)
    client.once('close', onClose)
    client.once('end', onClose)
    if (client.status === 'wait' || client.status === 'end') client.connect().catch(onClose)
  })
}
