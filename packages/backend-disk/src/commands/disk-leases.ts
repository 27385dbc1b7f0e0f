import { type Awaitable, chain, type Leased, type Leases, MISS, type Milliseconds } from '@cashews/core'
import type { Shards } from '../files/shards.ts'
import type { UnderWay } from '../files/under-way.ts'
import type { DiskKeys } from './disk-keys.ts'
import type { DiskReads } from './disk-reads.ts'
import type { DiskWrites } from './disk-writes.ts'
import { isValue } from './kinds.ts'
import { isHeld, takeLease } from './leases.ts'

/** Leases, voided by a write of any process. */
export class DiskLeases implements Leases {
  readonly #shards: Shards
  readonly #reads: DiskReads
  readonly #writes: DiskWrites
  readonly #keys: DiskKeys
  readonly #underWay: UnderWay

  constructor(shards: Shards, reads: DiskReads, writes: DiskWrites, keys: DiskKeys, underWay: UnderWay) {
    this.#shards = shards
    this.#reads = reads
    this.#writes = writes
    this.#keys = keys
    this.#underWay = underWay
  }

  get(key: string): Awaitable<Leased> {
    return chain(this.#reads.get(key), (value) => {
      if (value !== MISS) return { value }
      const lease = this.#shards.of(key).write((file) => (isValue(file.find(key)) ? undefined : takeLease(file, key)))
      return chain(lease, (lease) =>
        lease === undefined ? chain(this.#reads.get(key), (value) => ({ value })) : { value: MISS, lease },
      )
    })
  }

  take(key: string): Awaitable<string> {
    return this.#shards.of(key).write((file) => takeLease(file, key))
  }

  set(key: string, value: unknown, lifetime: Milliseconds, lease: string): Awaitable<boolean> {
    return this.#writes.setLeased(key, value, lifetime, lease)
  }

  holds(key: string, lease: string): Awaitable<boolean> {
    return this.#shards.of(key).read((file) => isHeld(file, key, lease))
  }

  voidMatch(pattern: string): Awaitable<void> {
    return this.#underWay.note(this.#keys.voidLeases(pattern))
  }
}
