import { Worker } from 'node:worker_threads'
import { type Milliseconds, outsideRequests } from '@cashews/core'
import type { Synchronous } from '../settings.ts'
import { PAGE_BYTES } from '../upkeep/room.ts'
import { turn } from './turn.ts'

/**
 * `PASSIVE` copies what it can without blocking readers or writers. `RESTART` then blocks writers while it copies the
 * rest, so that the log can be reused from its start; it waits only a few milliseconds for readers of an old snapshot,
 * since writers wait with it.
 */
export type CheckpointMode = 'PASSIVE' | 'RESTART'

/** The outcome of a checkpoint. */
export interface Checkpoint {
  /** The length of the log when the copy began. */
  readonly logBytes: number
  /**
   * Whether all of that was copied: the next write then reuses the log from its start, unless others wrote meanwhile.
   */
  readonly isWhole: boolean
}

interface Reply {
  readonly id: number
  readonly error?: { readonly message: string; readonly code?: string }
  /** 1 when a reader or writer blocked a `RESTART`. */
  readonly busy?: number
  readonly log?: number
  readonly checkpointed?: number
}

/** How long a `RESTART` may wait for readers, and for a writer. */
const WAIT: Milliseconds = 5

/**
 * Where better-sqlite3 is found: from this module, or, in a bundle that was moved, from the working directory. CommonJS has
 * no `import.meta`.
 */
const PLACES = [import.meta.dirname ?? __dirname, '.']

/** The worker, as plain JavaScript in a string, so that it works from any bundle. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads')
const Sqlite = require(require.resolve('better-sqlite3', { paths: workerData.places }))
const files = new Map()
parentPort.on('message', ({ id, path, mode }) => {
  try {
    if (mode === undefined) {
      for (const [name, file] of files) {
        if (path !== undefined && name !== path) continue
        files.delete(name)
        file.close()
      }
      parentPort.postMessage({ id })
      return
    }
    if (!files.has(path)) {
      const file = new Sqlite(path, { fileMustExist: true, timeout: ${WAIT} })
      file.pragma('synchronous = ' + workerData.synchronous)
      files.set(path, file)
    }
    const copy = (mode) => files.get(path).pragma('wal_checkpoint(' + mode + ')')[0]
    let left = copy('PASSIVE') // first, since it blocks nobody
    if (mode === 'RESTART') left = copy('RESTART')
    parentPort.postMessage({ id, ...left })
  } catch ({ message, code }) {
    parentPort.postMessage({ id, error: { message, code } })
  }
})`

/**
 * Copies write-ahead logs into their files on a worker thread, because this is the one thing that waits for the disk
 * (`fsync`). The thread starts when it is first needed and does not keep the process alive. Starting it takes
 * milliseconds, so nothing else is done in that turn of the event loop.
 */
export class Checkpointer {
  readonly #synchronous: Synchronous
  #worker: Worker | undefined
  #awaited = 0
  #id = 0
  /** The files that the thread has open. */
  readonly #used = new Set<string>()
  readonly #waiting = new Map<number, (reply: Reply) => void>()

  constructor(synchronous: Synchronous) {
    this.#synchronous = synchronous
  }

  /** @throws An error with SQLite's code when the log could not be copied. */
  async copy(path: string, mode: CheckpointMode): Promise<Checkpoint> {
    this.#used.add(path)
    if (!this.#worker) await turn()
    if (!this.#used.has(path)) throw new Error('it was closed')
    const reply = await this.#ask(path, mode)
    if (reply.error !== undefined) throw Object.assign(new Error(reply.error.message), { code: reply.error.code })
    const { busy, log = 0, checkpointed = 0 } = reply
    return { logBytes: log * PAGE_BYTES, isWhole: log === checkpointed && !busy }
  }

  /** Closes a file in the thread. Resolves once it is closed. */
  async release(path: string): Promise<void> {
    if (this.#used.delete(path) && this.#worker) await this.awaited(this.#ask(path))
  }

  /** Keeps the process alive while a copy is awaited. */
  async awaited<T>(copying: Promise<T>): Promise<T> {
    if (this.#awaited++ === 0) this.#worker?.ref()
    try {
      return await copying
    } finally {
      if (--this.#awaited === 0) this.#worker?.unref()
    }
  }

  /**
   * Ends the thread, after it has closed its files, which copies what is left of their logs: a thread that is
   * terminated in the middle of a copy can leave a log behind.
   */
  async close(): Promise<void> {
    const worker = this.#worker
    if (!worker) return
    await this.awaited(this.#ask())
    this.#worker = undefined
    await worker.terminate()
    this.#failAll('it was closed')
  }

  #ask(path?: string, mode?: CheckpointMode): Promise<Reply> {
    return new Promise((resolve) => {
      const id = this.#id++
      this.#waiting.set(id, resolve)
      this.#worker ??= outsideRequests(() => this.#started())
      this.#worker.postMessage({ id, path, mode })
    })
  }

  #started(): Worker {
    const worker = new Worker(WORKER, {
      eval: true,
      workerData: { places: PLACES, synchronous: this.#synchronous },
      // It prints nothing, and piping its output to this thread would double the cost of starting it.
      stdout: true,
      stderr: true,
      execArgv: [],
      env: {},
    })
    worker.on('message', (reply: Reply) => {
      this.#waiting.get(reply.id)?.(reply)
      this.#waiting.delete(reply.id)
    })
    if (this.#awaited === 0) worker.unref() // `on('message')` refs it again
    worker.on('error', (error) => {
      if (this.#worker === worker) this.#worker = undefined
      this.#used.clear()
      this.#failAll(String(error))
    })
    return worker
  }

  #failAll(message: string): void {
    for (const [id, resolve] of this.#waiting) resolve({ id, error: { message } })
    this.#waiting.clear()
  }
}
