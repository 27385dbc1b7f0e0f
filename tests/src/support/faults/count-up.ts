import { setTimeout as wait } from 'node:timers/promises'
import type { Cache } from '@cashews/core'
import { type TransactionMode, transaction } from '@cashews/transactions'

/** Increments a counter in concurrent transactions, by a read and a write each. Returns how often the functions ran. */
export async function countUp(cache: Cache, mode: TransactionMode, times: number): Promise<number> {
  let runs = 0
  const count = () =>
    transaction(
      cache,
      async () => {
        runs++
        const found = (await cache.get<number>('count')) ?? 0
        await wait(1)
        await cache.set('count', found + 1)
      },
      { mode, tries: 10_000, timeout: '60s' },
    )
  await Promise.all(Array.from({ length: times }, count))
  return runs
}
