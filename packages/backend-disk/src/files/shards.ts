import { checkText } from '@cashews/core'
import { crc32 } from '../values/checksum.ts'
import type { Shard } from './shard.ts'

/** The files of a store, over which its keys are spread by their checksums. */
export class Shards {
  readonly all: readonly Shard[]

  constructor(all: readonly Shard[]) {
    this.all = all
  }

  /**
   * The shard of a key.
   *
   * @throws {CommandError} When the key holds a lone surrogate.
   */
  of(key: string): Shard {
    return this.at(hashOf(key))
  }

  /** The shard of a key with this checksum. */
  at(hash: number): Shard {
    return this.all[hash % this.all.length] as Shard
  }
}

/**
 * The checksum of a key, which picks its shard and begins the checksum of its value.
 *
 * @throws {CommandError} When the key holds a lone surrogate.
 */
export function hashOf(key: string): number {
  checkText('key', key)
  return crc32(key)
}
