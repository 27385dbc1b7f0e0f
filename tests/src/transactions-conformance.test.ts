import { memory } from '@cashews/backend-memory'
import { type DescribeOptions, describeBackend, handClock, reference } from '@cashews/conformance'
import { type Backend, createCache } from '@cashews/core'
import { type TransactionOptions, transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, it, vi } from 'vitest'
import { gate } from './support/helpers.ts'

/** What the commands of a transaction that goes on from `open` to `close` have for a backend. */
function insideOf(makeStore: () => Backend, options: TransactionOptions): Backend {
  const cache = createCache()
  let view: Backend = makeStore()
  cache.setup(view)
  cache.use((call, next) => {
    view = call.backend
    return next(call)
  })
  let end = gate()
  let ended: Promise<void> | undefined
  const life: Partial<Backend> = {
    async open() {
      await cache.init()
      const begun = gate()
      end = gate()
      ended = transaction(
        cache,
        async () => {
          await cache.exists('')
          begun.open()
          await end.promise
        },
        options,
      )
      await begun.promise
    },
    async close() {
      end.open()
      await ended
      await cache.close()
    },
  }
  return new Proxy({} as Backend, { get: (_, name) => Reflect.get(life, name) ?? Reflect.get(view, name) })
}

const clock = handClock()
const elapse = (duration: number): void => {
  clock.elapse(duration)
  vi.advanceTimersByTime(duration)
}
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'], now: clock.now() }))
afterEach(() => void vi.useRealTimers())

/** What a store really holds is not asked in a transaction. */
const runner: NonNullable<DescribeOptions['runner']> = {
  describe,
  it: Object.assign(
    (...given: Parameters<typeof it>) => (/[sg]etRaw/.test(String(given[0])) ? it.skip(...given) : it(...given)),
    { skip: it.skip },
  ) as NonNullable<DescribeOptions['runner']>['it'],
}

const stores = [
  ['memory', () => memory({ clock })],
  ['the reference backend', () => reference({ clock })],
] as const
const modes: readonly TransactionOptions[] = [
  { mode: 'fast' },
  { mode: 'locked', timeout: '52000w' },
  { mode: 'serializable', phantoms: true },
]
for (const [name, makeStore] of stores)
  for (const options of modes)
    describeBackend(`${name}, inside a ${options.mode} transaction`, () => insideOf(makeStore, options), {
      elapse,
      runner,
      without: ['expired'],
    })
