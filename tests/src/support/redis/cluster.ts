import { setTimeout as wait } from 'node:timers/promises'
import slotOf from 'cluster-key-slot'
import { freeClusterPort } from './ports.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

const SLOTS = 16_384
const PATIENCE = 30_000

export interface ClusterOptions {
  readonly masters?: number
  /** The number of replicas of each master. */
  readonly replicas?: number
  /** After how many milliseconds of silence a node counts as dead. */
  readonly nodeTimeout?: number
}

/** A Redis Cluster of real servers. */
export class RedisCluster implements AsyncDisposable {
  readonly nodes: readonly RedisServer[]

  constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes
  }

  get addresses(): string[] {
    return this.nodes.map(({ address }) => address)
  }

  /** The server that holds a key now. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = slotOf(key)
    const end = performance.now() + PATIENCE
    for (;;) {
      const slots = await this.#anyAnswer(({ admin }) => admin.cluster('SLOTS'))
      const [, , owner] = slots.find(([from, to]) => slot >= from && slot <= to) ?? []
      if (owner) return this.#nodeAt(Number(owner[1]))
      // In the midst of a failover, a node may know nobody who has the slot.
      if (performance.now() > end) throw new Error(`No node serves "${key}".`)
      await wait(2)
    }
  }

  /** A replica of a master. */
  async replicaOf(master: RedisServer): Promise<RedisServer> {
    const id = await master.admin.cluster('MYID')
    const lines = (await master.admin.call('CLUSTER', 'REPLICAS', id as string)) as string[]
    return this.#nodeAt(Number(/:(\d+)@/.exec(lines[0] as string)?.[1]))
  }

  /** Moves a slot with its keys from one master to another, while both serve. */
  async moveSlot(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
    await this.startMoving(slot, from, to)
    for (;;) {
      const keys = (await from.admin.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
      if (keys.length === 0) break
      await from.admin.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'REPLACE', 'KEYS', ...keys)
    }
    const target = (await to.admin.cluster('MYID')) as string
    for (const { admin } of [to, from]) await admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', target)
  }

  /** Marks a slot as moving from one master to another. */
  async startMoving(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
    const [source, target] = (await Promise.all([from, to].map(({ admin }) => admin.cluster('MYID')))) as string[]
    await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source as string)
    await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target as string)
  }

  /** Prevents failovers that no test asks for, when the machine stands still for a while. */
  async trustItsNodes(): Promise<void> {
    await Promise.all(this.nodes.map(({ admin }) => admin.config('SET', 'cluster-node-timeout', 600_000)))
  }

  /** Resolves when all live nodes agree that every slot is served. */
  async settled(live: readonly RedisServer[] = this.nodes): Promise<void> {
    const end = performance.now() + PATIENCE
    const isWell = async ({ admin }: RedisServer) => {
      const info = String(await admin.cluster('INFO').catch(() => ''))
      return info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`)
    }
    while (!(await Promise.all(live.map(isWell))).every(Boolean)) {
      if (performance.now() > end) throw new Error('The cluster did not settle.')
      await wait(20)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()))
  }

  #nodeAt(port: number): RedisServer {
    const node = this.nodes.find((each) => each.port === port)
    if (node === undefined) throw new Error(`No node listens on ${port}.`)
    return node
  }

  async #anyAnswer<T>(ask: (node: RedisServer) => Promise<T>): Promise<T> {
    return Promise.any(this.nodes.map(ask))
  }
}

/** Starts a cluster. Resolves when all nodes serve and all replicas follow. */
export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 1, nodeTimeout = 1_000 } = options
  const nodes: RedisServer[] = []
  const args = [
    '--cluster-enabled',
    'yes',
    // Otherwise the whole cluster refuses commands while a master is missing.
    ...['--cluster-require-full-coverage', 'no'],
    '--cluster-node-timeout',
    `${nodeTimeout}`,
    '--cluster-replica-validity-factor',
    '0',
  ]
  for (let at = 0; at < masters * (1 + replicas); at++)
    nodes.push(await startRedis({ findPort: freeClusterPort, args }))
  const cluster = new RedisCluster(nodes)
  const heads = nodes.slice(0, masters)
  await Promise.all(
    heads.map(({ admin }, at) => {
      const [from, to] = [Math.ceil((at * SLOTS) / masters), Math.ceil(((at + 1) * SLOTS) / masters) - 1]
      return admin.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
    }),
  )
  await Promise.all(nodes.map(({ admin }, at) => admin.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1)))
  await Promise.all(
    nodes.slice(1).map(({ admin }) => admin.call('CLUSTER', 'MEET', '127.0.0.1', nodes[0]?.port as number)),
  )
  await cluster.settled()
  await Promise.all(nodes.slice(masters).map((node, at) => follow(node, heads[at % masters] as RedisServer)))
  await cluster.settled()
  return cluster
}

/** Makes a node the replica of another, and waits until it has all of its data. */
async function follow(node: RedisServer, master: RedisServer): Promise<void> {
  const id = (await master.admin.cluster('MYID')) as string
  const end = performance.now() + PATIENCE
  while (performance.now() < end) {
    await node.admin.call('CLUSTER', 'REPLICATE', id).catch(() => {})
    if (String(await node.admin.info('replication')).includes('master_link_status:up')) return
    await wait(20)
  }
  throw new Error('A replica does not follow its master.')
}
