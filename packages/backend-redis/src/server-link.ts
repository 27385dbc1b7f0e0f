import type { Redis } from 'ioredis'
import { end } from './ending.ts'
import { asBackendError } from './errors.ts'
import { type Command, type Link, type Server, sendBy } from './link.ts'
import { signOfLife, Watch, whenReady } from './patience.ts'
import { SUBSCRIBING } from './release-bell.ts'

/** How many names one command may have. */
const TOGETHER = 500

/** The way to one server: standalone, or the master that a Sentinel names. */
export class ServerLink implements Link {
  readonly address: string
  readonly #create: () => Redis
  readonly #isOwn: boolean
  #client: Redis | undefined
  #connections = 0
  #watch: Watch | undefined

  /** @param isOwn Whether the client is made for this link, and ends with it. */
  constructor(address: string, create: () => Redis, isOwn: boolean) {
    this.address = address
    this.#create = create
    this.#isOwn = isOwn
  }

  async open(): Promise<void> {
    this.#client ??= this.#create()
    this.#watch ??= new Watch(this.#client)
    try {
      await whenReady(this.#client)
    } catch {
      throw this.#watch.whyAway(this.address)
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    if (client && this.#isOwn) await end(client)
    this.#watch?.stop()
    this.#watch = undefined
  }

  send(command: Command): Promise<unknown> {
    return sendBy(this.#ready(), command).catch(rethrow)
  }

  async sendAll(commands: readonly Command[]): Promise<unknown[]> {
    const [only] = commands
    if (only !== undefined && commands.length === 1) return [await this.send(only).catch((error) => error)]
    const pipeline = this.#ready().pipeline()
    for (const command of commands) sendBy(pipeline, command)
    const answers = (await pipeline.exec().catch(rethrow)) ?? []
    return answers.map(([error, answer]) => (error ? asBackendError(error) : answer))
  }

  groups(names: readonly string[]): number[][] {
    const groups: number[][] = []
    for (let at = 0; at < names.length; at++) {
      if (at % TOGETHER === 0) groups.push([])
      groups.at(-1)?.push(at)
    }
    return groups
  }

  mayMeet(): boolean {
    return true
  }

  servers(): readonly Server[] {
    const client = this.#client
    return client?.status === 'ready' ? [{ id: this.#id, client }] : []
  }

  ownerOf(): string {
    return this.#id
  }

  watchServers(changed: () => void): () => void {
    const client = this.#client
    const onReady = () => {
      this.#connections++
      changed()
    }
    client?.on('ready', onReady).on('close', changed)
    return () => client?.off('ready', onReady).off('close', changed)
  }

  async ping(message: string): Promise<string> {
    const renew = () => {
      if (this.#isOwn) this.#client?.disconnect(true)
    }
    if (this.#watch?.isStuck) renew()
    return signOfLife(this.#ready(), message, renew).catch(rethrow)
  }

  subscriber(): Redis {
    return this.#ready().duplicate(SUBSCRIBING)
  }

  get #id(): string {
    return `${this.address}#${this.#connections}`
  }

  #ready(): Redis {
    if (this.#client?.status === 'ready') return this.#client
    const watch = this.#watch
    if (watch === undefined) throw asBackendError(new Error('the connection was closed'))
    throw watch.whyAway(this.address)
  }
}

function rethrow(error: unknown): never {
  throw asBackendError(error)
}
