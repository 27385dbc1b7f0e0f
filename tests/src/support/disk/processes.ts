import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { onTestFinished } from 'vitest'
import type { Order } from './child.ts'

const script = fileURLToPath(new URL('./child.ts', import.meta.url))

/** A child process that works on a cache. */
export interface Helper {
  readonly news: unknown[]
  /** Resolves to its first report. */
  readonly told: Promise<unknown>
  /** Resolves to its exit code and its output on stderr. */
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>
  kill(signal: NodeJS.Signals): void
}

/** Starts a child process, which is killed after the test if it still runs. */
export function startProcess(order: Order, options: { flags?: readonly string[]; uid?: number } = {}): Helper {
  const flags = [...(options.flags ?? []), '--conditions=@cashews/source']
  const child = spawn(process.execPath, [...flags, script, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid !== undefined && { uid: options.uid }),
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const news: unknown[] = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const lines = createInterface({ input: child.stdout })
  const told = new Promise<unknown>((resolve) => {
    lines.on('line', (line) => {
      news.push(JSON.parse(line))
      resolve(news[0])
    })
  })
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.once('close', (code) => {
      resolve({ code, stderr })
    })
  })
  return { news, told, ended, kill: (signal) => child.kill(signal) }
}

/** Does the same in a thread of this process. */
export function startThread(order: Order): Promise<unknown> {
  const worker = new Worker(script, { workerData: { order }, execArgv: ['--conditions=@cashews/source'] })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
