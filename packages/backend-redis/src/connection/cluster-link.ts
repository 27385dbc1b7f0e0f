import {
  BackendError,
  BackendUnavailableError,
  type CashewsError,
  ConfigurationError,
  type Milliseconds,
  outsideRequests,
} from '@cashews/core'
import type { Cluster, Redis } from 'ioredis'
import { slotOf } from '../keys/slot.ts'
import { ClientHolder } from './client-holder.ts'
import { asBackendError } from './errors.ts'
import { type Command, type Link, type Server, sendBy } from './link.ts'
import { NodeHealth } from './node-health.ts'
import { signOfLife } from './patience.ts'
import { SUBSCRIBING } from './release-bell.ts'
import { inParts, TOGETHER } from './together.ts'

/**
 * The message of ioredis for a pipeline that it refuses to send: it knows that one of the slots has moved, but has not refreshed the
 * other slots yet.
 */
const NOT_TOGETHER = 'All keys in the pipeline should belong to the same slots'

/** The errors of commands that reached a server which does not have their slot, no longer or not yet, or that were not sent. */
const REDIRECTED = new RegExp(`^(?:MOVED|ASK|TRYAGAIN|${NOT_TOGETHER})\\b`)

/** After these events, the servers may be different ones. */
const TOPOLOGY_EVENTS = ['refresh', 'ready', 'close', '+node', '-node']

/** The connections to the servers of a Redis Cluster. */
export class ClusterLink implements Link {
  readonly address: string
  back = (): void => {}
  readonly #holder: ClientHolder<Cluster>
  readonly #health = new NodeHealth(
    (node) => this.#isBack(node),
    () => this.#masters(),
    () => this.back(),
  )

  /** Takes the arguments of a {@link ClientHolder}. */
  constructor(address: string, create: () => Cluster, isOwn: boolean, scout?: () => Redis) {
    this.address = address
    this.#holder = new ClientHolder(address, create, isOwn, scout)
  }

  get patience(): Milliseconds {
    return this.#health.patience
  }

  set patience(patience: Milliseconds) {
    this.#health.patience = patience
  }

  open(): Promise<void> {
    return this.#holder.open()
  }

  close(): Promise<void> {
    this.#health.stop()
    return this.#holder.close()
  }

  send(command: Command): Promise<unknown> {
    const client = this.#holder.ready()
    const slot = slotOf(command.key)
    return this.#toNode(this.#ownerOfSlot(slot), () => sendBy(client, command, { slot }))
  }

  async sendAll(commands: readonly Command[]): Promise<unknown[]> {
    this.#holder.ready()
    const answers: unknown[] = new Array(commands.length)
    const slots = commands.map(({ key }) => slotOf(key))
    const perNode = placesBy(slots, (slot) => this.#ownerOfSlot(slot))
    await Promise.all([...perNode].map(([node, places]) => this.#sendToNode(node, commands, slots, places, answers)))
    return answers
  }

  groups(names: readonly string[]): number[][] | undefined {
    const perSlot = placesBy(names, slotOf)
    if (perSlot.size === 1 && names.length <= TOGETHER) return undefined
    return [...perSlot.values()].flatMap(inParts)
  }

  perServer(names: readonly string[]): number[][] | undefined {
    if (names.length <= 1 || !this.#holder.connected) return undefined
    const perOwner = placesBy(names, (name) => this.ownerOf(name))
    return perOwner.size === 1 ? undefined : [...perOwner.values()]
  }

  mayMeet(names: readonly string[]): boolean {
    const [first = ''] = names
    const slot = slotOf(first)
    return names.every((name) => slotOf(name) === slot)
  }

  servers(): readonly Server[] {
    const client = this.#holder.connected
    if (client === undefined) return []
    return client.nodes('master').flatMap((node) => {
      const id = addressOf(node)
      const slot = client.slots.findIndex((owners) => owners?.[0] === id)
      return slot < 0 ? [] : [{ id, client: node, slot }]
    })
  }

  sendTo<T>({ id }: Server, send: () => Promise<T>): Promise<T> {
    return this.#toNode(id, send)
  }

  missing(): string | undefined {
    const there = new Set(this.#masters())
    return this.#holder.client?.slots.find((owners) => owners?.[0] !== undefined && !there.has(owners[0]))?.[0]
  }

  ownerOf(name: string): string {
    return this.#ownerOfSlot(slotOf(name))
  }

  /**
   * The client refreshes its map of the slots after each redirection. A server that drops out keeps its slots, and comes and goes
   * while the client tries to reach it: only one that was not there before is a change.
   */
  watchServers(changed: () => void): () => void {
    const { client } = this.#holder
    let known = this.#topology()
    let there = this.#masters()
    const look = () => {
      const now = this.#topology()
      const masters = this.#masters()
      if (now === known && masters.every((node) => there.includes(node))) return
      known = now
      there = masters
      changed()
    }
    const lookSoon = () => outsideRequests(() => queueMicrotask(look))
    for (const event of TOPOLOGY_EVENTS) client?.on(event, lookSoon)
    return () => {
      for (const event of TOPOLOGY_EVENTS) client?.off(event, lookSoon)
    }
  }

  lookAgain(): void {
    this.#holder.connected?.refreshSlotsCache()
  }

  isPartlyThere(): boolean {
    return this.#masters().length > 0 && !this.#health.allAway
  }

  /** One server that answers and serves keys is enough: {@link NodeHealth} looks after those that do not. */
  async ping(message: string): Promise<string> {
    const masters = this.#holder.ready().nodes('master')
    const pings = masters.map(async (node) => {
      const answer = await signOfLife(node, message, () => this.#renew(node))
      this.#health.found(addressOf(node))
      await refuseDown(node)
      return answer
    })
    return Promise.any(pings).catch((error: AggregateError) => {
      throw asBackendError(error.errors[0] ?? error)
    })
  }

  subscriber(): Redis {
    const [any] = this.#holder.ready().nodes('master')
    if (any === undefined)
      throw new BackendUnavailableError(`Redis Cluster at ${this.address} has no master now.`, { isUndone: true })
    return any.duplicate(SUBSCRIBING)
  }

  #ownerOfSlot(slot: number): string {
    return this.#holder.client?.slots[slot]?.[0] ?? this.address
  }

  async #sendToNode(
    node: string,
    commands: readonly Command[],
    slots: readonly number[],
    places: readonly number[],
    answers: unknown[],
  ): Promise<void> {
    const sendAlone = async (at: number) => {
      answers[at] = await this.send(commands[at] as Command).catch((error) => error)
    }
    const [first] = places
    if (places.length === 1 && first !== undefined) return sendAlone(first)
    const pipeline = this.#holder.ready().pipeline()
    for (const at of places) sendBy(pipeline, commands[at] as Command, { slot: slots[at] })
    const exec = () =>
      pipeline.exec().catch((error) => {
        if (error.message.startsWith(NOT_TOGETHER)) return places.map(() => [error] as const)
        throw error
      })
    const results = await this.#toNode(node, exec).catch((error) => error)
    const redirected: number[] = []
    for (const [order, at] of places.entries()) {
      const [error, answer] = Array.isArray(results) ? results[order] : [results]
      if (!error) answers[at] = answer
      // The client follows redirections of single commands only.
      else if (REDIRECTED.test(error.message)) redirected.push(at)
      else answers[at] = this.#blame(node, error)
    }
    await Promise.all(redirected.map(sendAlone))
  }

  async #toNode<T>(node: string, send: () => Promise<T>): Promise<T> {
    try {
      return await this.#health.send(node, send)
    } catch (error) {
      throw this.#blame(node, error)
    }
  }

  /** Turns what went wrong at a server into an error of the backend contract. */
  #blame(node: string, thrown: unknown): CashewsError {
    const error = asBackendError(thrown)
    if (error === thrown || !(error instanceof BackendUnavailableError)) return error
    this.#health.lost(node)
    if (!this.#holder.connected || this.#health.allAway) return error
    return new BackendError(`Redis node ${node}: ${error.message}`, { cause: thrown, isUndone: error.isUndone })
  }

  /** Which server holds which slots, as text. */
  #topology(): string {
    const slots = this.#holder.connected?.slots ?? []
    return slots.reduce(
      (text, [owner], slot) => (owner === slots[slot - 1]?.[0] ? text : `${text} ${slot}=${owner}`),
      '',
    )
  }

  #masters(): string[] {
    return this.#holder.connected?.nodes('master').map(addressOf) ?? []
  }

  async #isBack(address: string): Promise<boolean> {
    const { client } = this.#holder
    client?.refreshSlotsCache()
    const node = client?.nodes('master').find((node) => addressOf(node) === address)
    if (node === undefined) return !client?.slots.some((owners) => owners?.[0] === address)
    return signOfLife(node, 'probe', () => this.#renew(node)).then(
      () => true,
      () => false,
    )
  }

  #renew(node: Redis): void {
    this.#holder.renew(node)
  }
}

/** Groups the positions of items by what they have in common, each group in order. */
function placesBy<T, K>(items: readonly T[], of: (item: T) => K): Map<K, number[]> {
  const places = new Map<K, number[]>()
  for (let at = 0; at < items.length; at++) {
    const common = of(items[at] as T)
    const others = places.get(common)
    if (others === undefined) places.set(common, [at])
    else others.push(at)
  }
  return places
}

/** @throws {BackendUnavailableError} When a server answers that its Cluster is down, so that it refuses all keys. */
async function refuseDown(node: Redis): Promise<void> {
  const info = await node.cluster('INFO').catch(() => '')
  if (!info.includes('cluster_state:fail')) return
  throw new BackendUnavailableError(`Redis at ${addressOf(node)} says that its Cluster is down.`, { isUndone: true })
}

/** The name of a node in the map of the slots. */
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
