import { existsSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from './ports.ts'
import { RedisServer, startRedis } from './redis-server.ts'

/** A Sentinel that was delayed by two seconds, also by a busy machine, does nothing for thirty seconds ("tilt mode"). */
const PATIENCE = 60_000

/**
 * A Sentinel waits for the disk after each change of its state, which may take seconds. So its file is in memory where
 * possible.
 */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export interface SentinelOptions {
  readonly replicas?: number
  readonly sentinels?: number
  /** After how many milliseconds without an answer the master is considered down. */
  readonly downAfter?: number
}

/** A master, its replicas, and their Sentinels. */
export class SentinelGroup implements AsyncDisposable {
  readonly name = 'mymaster'
  readonly servers: readonly RedisServer[]
  readonly sentinels: readonly RedisServer[]

  constructor(servers: readonly RedisServer[], sentinels: readonly RedisServer[]) {
    this.servers = servers
    this.sentinels = sentinels
  }

  get addresses(): string[] {
    return this.sentinels.map(({ address }) => address)
  }

  /** The current master, according to the Sentinels. */
  async master(): Promise<RedisServer> {
    const ask = ({ admin }: RedisServer) => admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name)
    const [, port] = (await Promise.any(this.sentinels.map(ask))) as [string, string]
    return this.servers.find((server) => server.port === Number(port)) as RedisServer
  }

  /** Makes a replica the master. */
  async failover(): Promise<void> {
    await this.sentinels[0]?.admin.call('SENTINEL', 'FAILOVER', this.name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map((each) => each[Symbol.asyncDispose]()))
  }
}

/** Starts a group. Resolves when the Sentinels know the replicas and each other. */
export async function startSentinel(options: SentinelOptions = {}): Promise<SentinelGroup> {
  const { replicas = 2, sentinels = 3, downAfter = 1_000 } = options
  const master = await startRedis()
  const follow = ['--replicaof', '127.0.0.1', `${master.port}`]
  const followers = await Promise.all(Array.from({ length: replicas }, () => startRedis({ args: follow })))
  const watchers = await Promise.all(Array.from({ length: sentinels }, () => startWatcher(master.port, downAfter)))
  const group = new SentinelGroup([master, ...followers], watchers)
  await known(group, replicas, sentinels)
  return group
}

/** Starts one Sentinel. @param config Further lines of its configuration. */
export async function startWatcher(
  masterPort: number,
  downAfter: number,
  config: readonly string[] = [],
): Promise<RedisServer> {
  const folder = await mkdtemp(join(FOLDER, 'cashews-sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    `${config.map((line) => `${line}\n`).join('')}port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor mymaster 127.0.0.1 ${masterPort} 2
sentinel down-after-milliseconds mymaster ${downAfter}
sentinel failover-timeout mymaster 3000
`,
  )
  const server = new RedisServer(port, folder, [file, '--sentinel'])
  await server.start()
  return server
}

async function known({ sentinels, name }: SentinelGroup, replicas: number, watchers: number): Promise<void> {
  const end = performance.now() + PATIENCE
  const isWell = async ({ admin }: RedisServer) => {
    const facts = (await admin.call('SENTINEL', 'MASTER', name).catch(() => [])) as string[]
    const fact = (what: string) => Number(facts[facts.indexOf(what) + 1])
    if (!String(await admin.info('sentinel')).includes('sentinel_tilt:0')) return false
    return fact('num-slaves') === replicas && fact('num-other-sentinels') === watchers - 1
  }
  while (!(await Promise.all(sentinels.map(isWell))).every(Boolean)) {
    if (performance.now() > end) throw new Error('The Sentinels did not find each other.')
    await wait(50)
  }
}
