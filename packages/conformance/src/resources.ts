import { AsyncLocalStorage, createHook } from 'node:async_hooks'

/** What a backend may hold on to: timers (unref'd ones too), sockets, child processes, workers and file watchers. */
const HELD = new Set([
  'Timeout',
  'TCPWRAP',
  'TCPSERVERWRAP',
  'PIPEWRAP',
  'UDPWRAP',
  'PROCESSWRAP',
  'WORKER',
  'FSEVENTWRAP',
  'STATWATCHER',
])

/** Knows what some code opened and has not closed. */
export interface ResourceWatch {
  /** Runs the code. What others open meanwhile does not count. */
  during(code: () => Promise<void>): Promise<void>
  /** Names what is still open. */
  left(): string[]
  stop(): void
}

/** Watches timers and handles come and go. */
export function watchResources(): ResourceWatch {
  const scope = new AsyncLocalStorage<object>()
  const mark = {}
  const open = new Map<number, string>()
  const hook = createHook({
    init(id, type) {
      if (HELD.has(type) && scope.getStore() === mark) open.set(id, type)
    },
    destroy(id) {
      open.delete(id)
    },
  }).enable()
  return {
    during: (code) => scope.run(mark, code),
    left: () => [...open.values()],
    stop: () => {
      hook.disable()
    },
  }
}
