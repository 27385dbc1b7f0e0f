import { type Awaitable, keyOfLock, type Locks, type Milliseconds } from '@cashews/core'
import type { Shard } from '../files/shard.ts'
import type { ShardFile } from '../files/shard-file.ts'
import type { Shards } from '../files/shards.ts'

/** Locks, shared by all processes that use the directory. A lock is in the shard of its key, so that one transaction sees both. */
export class DiskLocks implements Locks {
  readonly #shards: Shards

  constructor(shards: Shards) {
    this.#shards = shards
  }

  acquire(key: string, token: string, lifetime: Milliseconds): Awaitable<boolean> {
    return this.#shardOf(key).write((file) => {
      const holder = holderOf(file, key)
      if (holder !== undefined && holder !== token) return false
      take(file, key, token, lifetime)
      return true
    })
  }

  extend(key: string, token: string, lifetime: Milliseconds): Awaitable<boolean> {
    return this.#shardOf(key).write((file) => {
      if (holderOf(file, key) !== token) return false
      take(file, key, token, lifetime)
      return true
    })
  }

  release(key: string, token: string): Awaitable<boolean> {
    return this.#shardOf(key).write((file) => {
      if (holderOf(file, key) !== token) return false
      free(file, key)
      return true
    })
  }

  isLocked(key: string): Awaitable<boolean> {
    return this.#shardOf(key).read((file) => holderOf(file, key) !== undefined)
  }

  #shardOf(key: string): Shard {
    return this.#shards.of(keyOfLock(key))
  }
}

/** The token that holds a lock, if any. */
export function holderOf(file: ShardFile, key: string): string | undefined {
  const sql = 'SELECT token FROM locks WHERE key = ? AND expires_at > ?'
  return file.get<{ token: string }>(sql, key, file.now())?.token
}

/** Gives a lock to a token, whoever holds it. */
export function take(file: ShardFile, key: string, token: string, lifetime: Milliseconds): void {
  const now = file.now()
  const end = Math.min(now + lifetime, Number.MAX_SAFE_INTEGER)
  file.run('INSERT OR REPLACE INTO locks (key, token, taken_at, expires_at) VALUES (?, ?, ?, ?)', key, token, now, end)
  file.wrote(0)
}

/** Frees a lock, whoever holds it. */
export function free(file: ShardFile, key: string): void {
  file.run('DELETE FROM locks WHERE key = ?', key)
  file.wrote(0)
}
