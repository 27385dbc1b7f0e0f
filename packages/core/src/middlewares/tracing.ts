import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { Call } from '../command.ts'
import type { Middleware } from '../middleware.ts'

/** What subscribers of the channel `cashews:command` are given. The channel adds `result` and `error`. */
export interface CommandTrace {
  /** The name of the command, such as `get`. */
  readonly command: string
  /** The name of the backend. */
  readonly backend: string
  /** The command as data. */
  readonly call: Call
}

/** What subscribers of the channel `cashews:run` are given. The channel adds `result` and `error`. */
export interface RunTrace {
  /** The key template of the function that runs. */
  readonly template: string
}

/**
 * Tells tracers of the operations on stores and of the runs of wrapped functions, by two tracing channels of
 * `node:diagnostics_channel`: `cashews:command` ({@link CommandTrace}) and `cashews:run` ({@link RunTrace}). While nobody
 * subscribes, it only asks whether somebody does. Reads that a store answers on the spot pass it by.
 */
export function tracing(): Middleware {
  const commands: TracingChannel<unknown, CommandTrace> = tracingChannel('cashews:command')
  const runs: TracingChannel<unknown, RunTrace> = tracingChannel('cashews:run')
  const trace: Middleware = (call, next) => {
    if (!commands.hasSubscribers) return next(call)
    const { command, backend } = call
    return commands.tracePromise(async () => next(call), { command, backend: backend.name, call })
  }
  return Object.assign(trace, {
    isOnlooker: true,
    join: ((cache) =>
      void cache.engine.watchRuns((template, run) =>
        runs.hasSubscribers ? runs.tracePromise(run, { template }) : run(),
      )) satisfies Middleware['join'],
  })
}
