import { type DescribeOptions, describeBackend, handClock } from '@cashews/conformance'
import { type Backend, type Clock, createCache } from '@cashews/core'
import { type TransactionOptions, transaction } from '@cashews/transactions'
import { afterEach, beforeEach, describe, it, vi } from 'vitest'
import { gate } from './helpers.ts'

const MODES: readonly TransactionOptions[] = [
  { mode: 'fast' },
  { mode: 'locked', timeout: '52000w' },
  { mode: 'serializable', phantoms: true },
]

/** Skips the checks of raw values, which cannot be read in a transaction. */
const runner: NonNullable<DescribeOptions['runner']> = {
  describe,
  it: Object.assign(
    (...given: Parameters<typeof it>) => (/[sg]etRaw/.test(String(given[0])) ? it.skip(...given) : it(...given)),
    { skip: it.skip },
  ) as NonNullable<DescribeOptions['runner']>['it'],
}

/** The backend that commands see inside a transaction which lasts from `open` to `close`. */
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

/** A store and its name. A store in this process uses the clock. */
export type StoreInside = readonly [name: string, make: (clock: Clock) => Backend]

/** Runs the conformance kit inside transactions of every mode on each store. */
export function describeInside(stores: readonly StoreInside[]): void {
  const clock = handClock()
  const elapse = (duration: number): void => {
    clock.elapse(duration)
    vi.advanceTimersByTime(duration)
  }
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'], now: clock.now() }))
  afterEach(() => void vi.useRealTimers())
  for (const [name, makeStore] of stores)
    for (const options of MODES) {
      const create = () => insideOf(() => makeStore(clock), options)
      describeBackend(`${name}, inside a ${options.mode} transaction`, create, {
        elapse,
        runner,
        without: ['expired'],
        model: name === 'redis' ? { runs: 20 } : {},
      })
    }
}
