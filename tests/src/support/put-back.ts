import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { afterAll, vi } from 'vitest'

/**
 * Test files share processes, because starting one for each took a third of the time. This setup runs before each file, so
 * that no file affects the next: it resets the modules, ends the timers of the file, and fails the file if it leaves any other
 * global state changed.
 */
vi.resetModules()

/** How long to wait for handles to close, which they do some turns after they were told to. */
const PATIENCE_MS = 10_000

/** Globals that a test may change. No member of them may be a different one afterwards. */
const SHARED = { globalThis, process, console, performance, Math, Date, Promise, AsyncLocalStorage, Error }

const HANDLES = /^(TCP|TLS|UDP|Pipe|Process|Worker|MessagePort|FSEvent|StatWatcher|Timeout)/

const workers: Worker[] = []
const noteWorker = (worker: Worker) => void workers.push(worker)
process.on('worker', noteWorker)

const before = look()
const timers = rememberTimers()

afterAll(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  timers.end()
  const start = performance.now()
  while (left().length > 0) {
    if (performance.now() - start > PATIENCE_MS)
      throw new Error(
        `This file left to the next one: ${left().join(', ')}. Close what it opened; if a library never lets go of it, ` +
          'give the file a process of its own: `alone` in vitest.config.ts finds it by a word it holds.',
      )
    await pause(5)
  }
  process.off('worker', noteWorker)
})

/** Remembers the timers that tests start. Vitest keeps references of its own to the timer functions. */
function rememberTimers(): { end(): void } {
  const { setTimeout, setInterval } = globalThis
  const started: WeakRef<NodeJS.Timeout>[] = []
  const remembering = <F extends typeof setTimeout | typeof setInterval>(start: F): F => {
    const remember = (...args: Parameters<typeof setTimeout>) => {
      const timer = start(...args)
      started.push(new WeakRef(timer))
      return timer
    }
    return Object.defineProperties(remember, Object.getOwnPropertyDescriptors(start)) as unknown as F
  }
  Object.assign(globalThis, { setTimeout: remembering(setTimeout), setInterval: remembering(setInterval) })
  return {
    end() {
      for (const timer of started) clearTimeout(timer.deref())
      Object.assign(globalThis, { setTimeout, setInterval })
    },
  }
}

/** The global state of this process, by name. */
function look(): Map<string, unknown> {
  const seen = new Map<string, unknown>([['working directory', process.cwd()]])
  const note = (name: string, owner: object) => {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner)))
      if (value !== undefined) seen.set(`${name}.${key}`, value)
  }
  for (const [name, value] of Object.entries(process.env)) seen.set(`variable ${name}`, value)
  for (const name of process.eventNames()) seen.set(`listeners of ${String(name)}`, process.listenerCount(name))
  for (const [name, owner] of Object.entries(SHARED)) {
    note(name, owner)
    if ('prototype' in owner) note(`${name}.prototype`, owner.prototype)
  }
  for (const kind of process.getActiveResourcesInfo())
    if (HANDLES.test(kind)) seen.set(`open ${kind}`, Number(seen.get(`open ${kind}`) ?? 0) + 1)
  // Node does not list workers among its resources. The thread id of a worker that has ended is -1.
  if (workers.some(({ threadId }) => threadId !== -1)) seen.set('open Worker', true)
  return seen
}

/** The names of state that was added, changed or removed. Fewer handles and listeners are fine. */
function left(): string[] {
  const now = look()
  const isOther = ([name, value]: [string, unknown]) => {
    const old = before.get(name)
    return typeof value === 'number' && typeof old === 'number' ? value > old : !Object.is(value, old)
  }
  const gone = [...before.keys()].filter((name) => !now.has(name) && !/^(open|listeners) /.test(name))
  return [...[...now].filter(isOther).map(([name]) => name), ...gone]
}
