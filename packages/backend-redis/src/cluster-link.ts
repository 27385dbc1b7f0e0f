import { BackendError, BackendUnavailableError, ConfigurationError } from '@cashews/core'
import slotOf from 'cluster-key-slot'
import type { Cluster, Redis } from 'ioredis'
import { end } from './ending.ts'
import { asBackendError } from './errors.ts'
import { type Command, type Link, type Server, sendBy } from './link.ts'
import { NodeHealth } from './node-health.ts'
import { signOfLife, Watch, whenReady } from './patience.ts'
import { SUBSCRIBING } from './release-bell.ts'

/** A command that went to a server which no longer has its slot, or not yet. */
const REDIRECTED = /^(?:MOVED|ASK|TRYAGAIN)\b/

/** After these the servers may be others. */
const TOPOLOGY_EVENTS = ['refresh', 'ready', 'close', '+node', '-node']

/** The way to the servers of a Redis Cluster. */
export class ClusterLink implements Link {
  readonly address: string
  readonly #create: () => Cluster
  readonly #isOwn: boolean
  readonly #health = new NodeHealth((node) => this.#isBack(node))
  #client: Cluster | undefined
  #watch: Watch | undefined

  constructor(address: string, create: () => Cluster, isOwn: boolean) {
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
    this.#health.stop()
    if (client && this.#isOwn) await end(client)
    this.#watch?.stop()
    this.#watch = undefined
  }

  send(command: Command): Promise<unknown> {
    const client = this.#ready()
    return this.#toNode(this.ownerOf(command.key), () => sendBy(client, command))
  }

  async sendAll(commands: readonly Command[]): Promise<unknown[]> {
    this.#ready()
    const answers: unknown[] = new Array(commands.length)
    const perNode = Map.groupBy(commands.keys(), (at) => this.ownerOf((commands[at] as Command).key))
    await Promise.all([...perNode].map(([node, places]) => this.#sendToNode(node, commands, places, answers)))
    return answers
  }

  groups(names: readonly string[]): number[][] {
    return [...Map.groupBy(names.keys(), (at) => slotOf(names[at] as string)).values()]
  }

  mayMeet(names: readonly string[]): boolean {
    return new Set(names.map((name) => slotOf(name))).size <= 1
  }

  servers(): readonly Server[] {
    const client = this.#client
    if (client?.status !== 'ready') return []
    return client.nodes('master').flatMap((node) => {
      const id = addressOf(node)
      const slot = client.slots.findIndex((owners) => owners?.[0] === id)
      return slot < 0 ? [] : [{ id, client: node, slot }]
    })
  }

  ownerOf(name: string): string {
    return this.#client?.slots[slotOf(name)]?.[0] ?? this.address
  }

  /** The client asks who holds which slot after each redirection. */
  watchServers(changed: () => void): () => void {
    const client = this.#client
    let known = this.#topology()
    const look = () => {
      const now = this.#topology()
      if (now === known) return
      known = now
      changed()
    }
    const lookSoon = () => queueMicrotask(look)
    for (const event of TOPOLOGY_EVENTS) client?.on(event, lookSoon)
    return () => {
      for (const event of TOPOLOGY_EVENTS) client?.off(event, lookSoon)
    }
  }

  /** One server that answers is enough: those that do not are looked after one by one. */
  async ping(message: string): Promise<string> {
    if (this.#watch?.isStuck && this.#isOwn) this.#client?.disconnect(true)
    const masters = this.#ready().nodes('master')
    const pings = masters.map((node) => signOfLife(node, message, () => this.#renew(node)))
    return Promise.any(pings).catch((error: AggregateError) => {
      throw asBackendError(error.errors[0] ?? error)
    })
  }

  subscriber(): Redis {
    const [any] = this.#ready().nodes('master')
    if (any === undefined) throw this.#away()
    return any.duplicate(SUBSCRIBING)
  }

  async #sendToNode(node: string, commands: readonly Command[], places: number[], answers: unknown[]): Promise<void> {
    const [first] = places
    if (places.length === 1 && first !== undefined) {
      answers[first] = await this.send(commands[first] as Command).catch((error) => error)
      return
    }
    const pipeline = this.#ready().pipeline()
    for (const at of places) sendBy(pipeline, commands[at] as Command)
    const results = await this.#toNode(node, async () => (await pipeline.exec()) ?? []).catch((error) => error)
    await Promise.all(
      places.map(async (at, order) => {
        const [error, answer] = Array.isArray(results) ? results[order] : [results]
        if (!error) answers[at] = answer
        // The client follows redirections of single commands only.
        else if (REDIRECTED.test(error.message)) answers[at] = await this.send(commands[at] as Command).catch((e) => e)
        else answers[at] = asBackendError(error)
      }),
    )
  }

  async #toNode<T>(node: string, send: () => Promise<T>): Promise<T> {
    try {
      return await this.#health.send(node, send)
    } catch (thrown) {
      const error = asBackendError(thrown)
      if (error === thrown || !(error instanceof BackendUnavailableError)) throw error
      this.#health.lost(node)
      if (this.#client?.status !== 'ready' || this.#health.allAway) throw error
      throw new BackendError(`Redis node ${node}: ${error.message}`, { cause: thrown })
    }
  }

  /** Who holds which slots, as text. */
  #topology(): string {
    if (this.#client?.status !== 'ready') return ''
    const { slots } = this.#client
    return slots.reduce(
      (text, [owner], slot) => (owner === slots[slot - 1]?.[0] ? text : `${text} ${slot}=${owner}`),
      '',
    )
  }

  async #isBack(address: string): Promise<boolean> {
    this.#client?.refreshSlotsCache()
    const node = this.#client?.nodes('master').find((node) => addressOf(node) === address)
    if (node === undefined) return !this.#client?.slots.some((owners) => owners?.[0] === address)
    return signOfLife(node, 'probe', () => this.#renew(node)).then(
      () => true,
      () => false,
    )
  }

  /** The client makes a new connection when the node is asked again. */
  #renew(node: Redis): void {
    if (this.#isOwn) node.disconnect()
  }

  #ready(): Cluster {
    if (this.#client?.status === 'ready') return this.#client
    throw this.#away()
  }

  #away(): BackendUnavailableError {
    return (
      this.#watch?.whyAway(this.address) ?? new BackendUnavailableError('Redis Cluster: the connection was closed.')
    )
  }
}

/** As a cluster calls its nodes. */
function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`
}

/** @throws {ConfigurationError} When reads may go to replicas, which lag behind. */
export function refuseReplicaReads(client: Cluster): void {
  if (client.options.scaleReads === 'master') return
  throw new ConfigurationError(
    `A cache must read what was written: set scaleReads to 'master', not ${String(client.options.scaleReads)}.`,
  )
}
