import type { Backend, Cache } from '@cashews/core'
import { Gauge } from 'prom-client'
import type { Given } from './function-metrics.ts'

/** The labels of the metrics of stores. */
export const STORE_LABELS = ['backend', 'keys'] as const

/** The stores that have the same labels, which share one number in each metric. */
interface StoreGroup {
  readonly labels: { readonly backend: string; readonly keys: string }
  readonly backends: Set<Backend>
}

/** Combines the numbers of several stores. */
export type Combine = (...numbers: number[]) => number

export const sum: Combine = (...numbers) => numbers.reduce((all, number) => all + number, 0)

/** The stores of several caches, by their labels. */
export function storeGroups(caches: Iterable<Cache>): Iterable<StoreGroup> {
  const byLabels = new Map<string, StoreGroup>()
  for (const cache of caches)
    for (const { backend, prefix: keys } of cache.engine.routes) {
      const name = JSON.stringify([backend.name, keys])
      const group = byLabels.get(name) ?? { labels: { backend: backend.name, keys }, backends: new Set() }
      byLabels.set(name, group)
      group.backends.add(backend)
    }
  return byLabels.values()
}

/** A number that stores have. */
export interface StoreNumber {
  readonly name: string
  readonly help: string
  /** Returns `undefined` for a store that does not have the number. */
  readonly read: (backend: Backend) => number | undefined
  readonly combine: Combine
}

/** Registers a gauge for a number of stores. */
export function storeGauge({ registry, prefix, caches }: Given, { name, help, read, combine }: StoreNumber): void {
  new Gauge({
    name: `${prefix}${name}`,
    help,
    labelNames: STORE_LABELS,
    registers: [registry],
    collect() {
      this.reset()
      for (const { backends, labels } of storeGroups(caches)) {
        const numbers = [...backends].map(read).filter((number) => number !== undefined)
        if (numbers.length > 0) this.set(labels, combine(...numbers))
      }
    },
  })
}
