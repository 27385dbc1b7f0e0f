import { type Awaitable, chain, type Leased, type Leases, MISS, type Milliseconds } from '@cashews/core'
import type { Shard } from '../files/shard.ts'
import { isValue } from './kinds.ts'
import { isHeld, takeLease } from './leases.ts'

/** What leases need of their store. */
export interface LeasedValues {
  shardOf(key: string): Shard
  get(key: string): Awaitable<unknown>
  /** Writes a value if the lease still holds. */
  store(key: string, value: unknown, lifetime: Milliseconds, lease: string): Awaitable<boolean>
  /** Voids the leases of all matching keys, whether or not the keys exist. */
  voidMatch(pattern: string): Awaitable<void>
}

/** Leases, voided by a write of any process. */
export class DiskLeases implements Leases {
  readonly #values: LeasedValues

  constructor(values: LeasedValues) {
    this.#values = values
  }

  get(key: string): Awaitable<Leased> {
    const { shardOf, get } = this.#values
    return chain(get(key), (value) => {
      if (value !== MISS) return { value }
      const lease = shardOf(key).write((file) => (isValue(file.find(key)) ? undefined : takeLease(file, key)))
      return chain(lease, (lease) =>
        lease === undefined ? chain(get(key), (value) => ({ value })) : { value: MISS, lease },
      )
    })
  }

  take(key: string): Awaitable<string> {
    return this.#values.shardOf(key).write((file) => takeLease(file, key))
  }

  set(key: string, value: unknown, lifetime: Milliseconds, lease: string): Awaitable<boolean> {
    return this.#values.store(key, value, lifetime, lease)
  }

  holds(key: string, lease: string): Awaitable<boolean> {
    return this.#values.shardOf(key).read((file) => isHeld(file, key, lease))
  }

  voidMatch(pattern: string): Awaitable<void> {
    return this.#values.voidMatch(pattern)
  }
}
