import type { Milliseconds } from '@cashews/core'
import type { Redis, RedisOptions } from 'ioredis'
import { revive } from '../connection/connecting.ts'
import { monotonicNow, nanosecondsNow } from '../connection/monotonic.ts'
import { HANDSHAKE, later } from '../connection/patience.ts'

const CHANNEL = '__redis__:invalidate'

/** How long to wait before asking a server again that could not track. */
const TRY_AGAIN: Milliseconds = 5_000

/** Earlier than any time. */
const NEVER = -1n

/** RESP2, because ioredis drops the push messages of RESP3. */
const TRACKING: Partial<RedisOptions> = {
  protocol: 2,
  autoResubscribe: false,
  enableOfflineQueue: false,
  lazyConnect: true,
  maxRetriesPerRequest: 0,
  retryStrategy: (times) => Math.min(20 * 2 ** times, 250),
  connectionName: 'cashews:invalidations',
}

/** Temporary errors of a server: another one is responsible now, or this one will be in a moment. */
const PASSING = /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|READONLY)\b/

class UnheardError extends Error {}

/** A connection for {@link Tracker}, to the server that a client talks to. */
export function trackingConnection(client: Redis): Redis {
  return client.duplicate(TRACKING)
}

/** What a tracker needs, and what it reports to. */
export interface TrackerHost {
  /** Only names with this prefix are tracked. */
  readonly prefix: string
  /** How long a copy may be out of date at most, in milliseconds. */
  readonly maxStale: Milliseconds
  /** Makes a test write to a key with this id, over the connection for values: the server has to report it. */
  prove(id: string): Promise<unknown>
  /** Called with the names that changed; `null` means all. */
  changed(names: readonly string[] | null): void
  /** Called when changes may go unnoticed from now on. */
  lost(): void
  /** Called with the reason why this server cannot track. */
  failed(error: unknown): void
}

/**
 * Learns from one server which keys change, by server-assisted client-side caching (redis.io, "Client-side caching in Redis":
 * broadcasting mode). The connection redirects invalidations to itself.
 *
 * Copies can be trusted for `maxStale` after the sending of a `PING` that was answered: the server writes invalidations before
 * replies, and one connection keeps their order.
 */
export class Tracker {
  readonly #connection: Redis
  readonly #host: TrackerHost
  readonly #heartbeat: NodeJS.Timeout
  /** Counts connections, so that the answer to a `PING` on an earlier one is ignored. */
  #epoch = 0
  /** Until when copies may be used: `maxStale` after a moment when every change had been reported. */
  #trustedUntil: bigint = NEVER
  #connectedAt = Number.POSITIVE_INFINITY
  #roundTrip: Milliseconds = 0
  #proof: { readonly id: string; readonly settle: (isHeard: boolean) => void } | undefined
  #isSilent = false
  #tryAgain: NodeJS.Timeout | undefined

  constructor(connection: Redis, host: TrackerHost) {
    this.#connection = connection
    this.#host = host
    connection.on('error', () => {})
    connection.on('connect', () => {
      this.#connectedAt = monotonicNow()
    })
    connection.on('ready', this.#begin)
    connection.on('close', this.#end)
    connection.on('messageBuffer', (_channel: Buffer, message: unknown) => this.#hear(message as Buffer[] | null))
    connection.connect().catch(() => {})
    this.#heartbeat = setInterval(() => void this.#beat(), host.maxStale / 3)
    this.#heartbeat.unref()
  }

  /** Whether copies may be used: every change older than `maxStale` was reported. */
  get isFresh(): boolean {
    return nanosecondsNow() <= this.#trustedUntil
  }

  /** How long ago it was certain that every change had been reported, in milliseconds. */
  get staleness(): Milliseconds {
    if (this.#trustedUntil === NEVER) return Number.POSITIVE_INFINITY
    return this.#host.maxStale + Number(nanosecondsNow() - this.#trustedUntil) / 1e6
  }

  /** How long the last answered `PING` took, in milliseconds. */
  get roundTrip(): Milliseconds {
    return this.#roundTrip
  }

  stop(): void {
    clearInterval(this.#heartbeat)
    this.#connection.off('ready', this.#begin)
    this.#end()
    this.#connection.disconnect()
  }

  readonly #begin = async (): Promise<void> => {
    const epoch = ++this.#epoch
    try {
      const id = await this.#connection.client('ID')
      const tracking = ['TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', this.#host.prefix]
      await this.#connection.call('CLIENT', tracking)
      await this.#connection.subscribe(CHANNEL)
      const sentAt = nanosecondsNow()
      await this.#prove()
      if (epoch !== this.#epoch) return
      this.#trustFrom(sentAt)
      this.#isSilent = false
    } catch (error) {
      if (epoch === this.#epoch) this.#giveUp(error)
    }
  }

  /** Makes a test write, and waits for the server to report it: nothing else proves that changes are reported. */
  async #prove(): Promise<void> {
    const id = crypto.randomUUID()
    const heard = new Promise<boolean>((resolve) => {
      const late = setTimeout(resolve, this.#host.maxStale, false).unref()
      this.#proof = {
        id,
        settle: (isHeard) => {
          clearTimeout(late)
          resolve(isHeard)
        },
      }
    })
    await this.#host.prove(id)
    if (!(await heard)) throw new UnheardError('The server does not report changes: a test write went unreported.')
  }

  /** Reconnects after a broken connection or a temporary error. If the server cannot track, reports that and tries again later. */
  #giveUp(error: unknown): void {
    if (this.#connection.status !== 'ready') return
    this.#end()
    const { name, message } = error as Error
    if (!(error instanceof UnheardError) && (name !== 'ReplyError' || PASSING.test(message))) {
      this.#connection.disconnect(true)
      return
    }
    if (!this.#isSilent) this.#host.failed(error)
    this.#isSilent = true
    this.#tryAgain = setTimeout(() => this.#connection.disconnect(true), TRY_AGAIN).unref()
  }

  readonly #end = (): void => {
    this.#epoch++
    this.#connectedAt = Number.POSITIVE_INFINITY
    clearTimeout(this.#tryAgain)
    this.#proof?.settle(false)
    if (this.#trustedUntil === NEVER) return
    this.#trustedUntil = NEVER
    this.#host.lost()
  }

  /** Sends a `PING`. Only `PONG` counts: an error may overtake the invalidations that a long script holds back. */
  async #beat(): Promise<void> {
    if (this.#trustedUntil === NEVER) {
      revive(this.#connection)
      if (monotonicNow() - this.#connectedAt > HANDSHAKE) this.#connection.disconnect(true)
      return
    }
    const epoch = this.#epoch
    const sentAt = nanosecondsNow()
    const stop = later(this.#host.maxStale / 3, () => this.#connection.disconnect(true))
    try {
      await this.#connection.ping()
      if (epoch !== this.#epoch) return
      this.#trustFrom(sentAt)
      this.#roundTrip = Number(nanosecondsNow() - sentAt) / 1e6
    } catch {
      // Without an answer, copies are soon not used any more.
    } finally {
      stop()
    }
  }

  #trustFrom(moment: bigint): void {
    this.#trustedUntil = moment + BigInt(Math.floor(this.#host.maxStale * 1e6))
  }

  #hear(message: readonly Buffer[] | null): void {
    const names = message?.map(String) ?? null
    const proof = this.#proof
    if (proof && names?.some((name) => name.endsWith(proof.id))) proof.settle(true)
    this.#host.changed(names)
  }
}
