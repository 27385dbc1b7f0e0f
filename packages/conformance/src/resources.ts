import { AsyncLocalStorage, createHook } from 'node:async_hooks'

/** The resources that a backend might leave open: timers (even unref'd ones), sockets, child processes, workers, file watchers. */
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

/** Records which resources some code has opened and not closed. */
export interface ResourceWatch {
  /** Runs the code. Resources that other code opens meanwhile do not count. */
  during(code: () => Promise<void>): Promise<void>
  /** Names what is still open. */
  left(): string[]
  stop(): void
}

/** Watches timers and handles from now on. */
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
