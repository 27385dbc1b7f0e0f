import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redisBinary } from './binary.ts'
import { freePort } from './ports.ts'

/** How long a server may take to start, in milliseconds. */
const PATIENCE = 20_000

export interface RedisServerOptions {
  /** Further arguments of its command line. */
  readonly args?: readonly string[]
  /** @default {@link freePort} */
  readonly findPort?: () => Promise<number>
}

class PortTakenError extends Error {}

/** A Redis server in a child process, which listens on this machine only and persists nothing. */
export class RedisServer implements AsyncDisposable {
  readonly port: number
  readonly admin: Redis
  readonly #folder: string
  readonly #args: readonly string[]
  #process: ChildProcess | undefined

  constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port
    this.#folder = folder
    this.#args = args
    this.admin = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 50 })
    this.admin.on('error', () => {})
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** The process id, while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Starts the server, also after {@link kill}. Resolves when it answers. */
  async start(): Promise<void> {
    const child = spawn(redisBinary(), [...this.#args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#folder })
    this.#process = child
    let log = ''
    child.stdout.on('data', (data) => {
      log += data
    })
    child.stderr.on('data', (data) => {
      log += data
    })
    endWithThisProcess(this)
    const end = performance.now() + PATIENCE
    while (!(await this.#answers())) {
      const isTaken = log.includes('Address already in use')
      if (child.exitCode !== null && isTaken) throw new PortTakenError(`Somebody else has taken port ${this.port}.`)
      if (child.exitCode !== null || performance.now() > end) throw new Error(`redis-server did not start:\n${log}`)
      await wait(10)
    }
  }

  /** Ends the server like a crash. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await gone
  }

  /** Suspends the server, while its connections stay open. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Ends the server and removes its folder without waiting, for a process that is about to end. */
  abandon(): void {
    this.#process?.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.disconnect()
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
    forget(this)
  }

  /** Whether this server answers, and not another one on the same port. */
  async #answers(): Promise<boolean> {
    const client = new Redis({ port: this.port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.info('server')).includes(`process_id:${this.pid}\r\n`)
    } catch {
      return false
    } finally {
      client.disconnect()
    }
  }
}

/** Starts a server on a free port. Tries another port if this one is taken meanwhile. */
export async function startRedis({ args = [], findPort = freePort }: RedisServerOptions = {}): Promise<RedisServer> {
  for (;;) {
    const folder = await mkdtemp(join(tmpdir(), 'cashews-redis-'))
    const port = await findPort()
    const server = new RedisServer(port, folder, [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
      ...['--repl-diskless-sync-delay', '0'],
      ...args,
    ])
    try {
      await server.start()
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      if (!(error instanceof PortTakenError)) throw error
    }
  }
}

/** The servers that were started and not disposed of yet. */
const existing = new Set<RedisServer>()
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Ends a server and removes its folder when this process ends before it disposes of the server. */
function endWithThisProcess(server: RedisServer): void {
  if (existing.size === 0) {
    process.on('exit', abandonAll)
    for (const signal of SIGNALS) process.on(signal, abandonAllBefore)
  }
  existing.add(server)
}

function forget(server: RedisServer): void {
  if (existing.delete(server) && existing.size === 0) stopListening()
}

function abandonAll(): void {
  for (const server of existing) server.abandon()
}

function abandonAllBefore(signal: NodeJS.Signals): void {
  abandonAll()
  stopListening()
  process.kill(process.pid, signal)
}

function stopListening(): void {
  process.off('exit', abandonAll)
  for (const signal of SIGNALS) process.off(signal, abandonAllBefore)
}
