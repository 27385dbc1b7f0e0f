import { tracingChannel } from 'node:diagnostics_channel'
import { memory } from '@cashews/backend-memory'
import { type CommandTrace, createCache, type RunTrace, tracing } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { describe, expect, it } from 'vitest'

type Told = readonly [event: string, ...unknown[]]

/** Subscribes as a tracer does while `fn` runs. */
async function traced(fn: () => Promise<unknown>): Promise<Told[]> {
  const told: Told[] = []
  const commands = tracingChannel<unknown, CommandTrace>('cashews:command')
  const runs = tracingChannel<unknown, RunTrace>('cashews:run')
  const onCommand = {
    start: ({ command, backend }: CommandTrace) => told.push(['start', command, backend]),
    asyncEnd: (message: object) => told.push(['end', (message as CommandTrace).command]),
    error: (message: object) => told.push(['error', (message as { error: Error }).error.message]),
  }
  const onRun = {
    start: ({ template }: RunTrace) => told.push(['start', template]),
    asyncEnd: (message: object) => told.push(['end', (message as RunTrace).template]),
    error: (message: object) => told.push(['error', (message as { error: Error }).error.message]),
  }
  commands.subscribe(onCommand as never)
  runs.subscribe(onRun as never)
  try {
    await fn()
  } finally {
    commands.unsubscribe(onCommand as never)
    runs.unsubscribe(onRun as never)
  }
  return told
}

describe('tracing', () => {
  it('publishes operations and runs, in their order', async () => {
    const cache = createCache().use(tracing()).setup(memory())
    const load = cached(cache, { ttl: 60, key: 'k:{id}' }, async (id: string) => id)
    expect(await traced(() => load('a'))).toEqual([
      ['start', 'get', 'memory'],
      ['end', 'get'],
      ['start', 'k:{id}'],
      ['end', 'k:{id}'],
      ['start', 'set', 'memory'],
      ['end', 'set'],
    ])
    await cache.close()
  })

  it('publishes failures, and passes them on', async () => {
    const cache = createCache().setup(memory(), { middlewares: [tracing()] })
    const load = cached(cache, { ttl: 60, key: 'k' }, async () => {
      throw new Error('no database')
    })
    await cache.set('text', 'a')
    const told = await traced(async () => {
      await expect(load()).rejects.toThrow('no database')
      await expect(cache.incr('text')).rejects.toThrow('not hold a whole number')
    })
    expect(told.filter(([event]) => event === 'error')).toEqual([
      ['error', 'no database'],
      ['error', expect.stringContaining('not hold a whole number')],
    ])
    await cache.close()
  })

  it('does not change results while nobody subscribes, also of synchronous reads', async () => {
    const cache = createCache().use(tracing()).setup(memory())
    await cache.set('a', 1)
    expect(cache.engine.call<'incr'>({ command: 'incr', key: 'b', by: 1, lifetime: 1_000 })).toBe(1)
    expect(cache.engine.getNow('a')).toBe(1)
    await cache.close()
  })
})
