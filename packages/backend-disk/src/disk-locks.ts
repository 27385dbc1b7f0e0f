import type { Awaitable, Locks, Milliseconds } from '@cashews/core'
import type { Shard } from './shard.ts'
import type { ShardFile } from './shard-file.ts'

/** Locks that all processes respect which use the directory. */
export class DiskLocks implements Locks {
  readonly #shardOf: (key: string) => Shard

  constructor(shardOf: (key: string) => Shard) {
    this.#shardOf = shardOf
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
      file.wrote(0)
      return file.run('DELETE FROM locks WHERE key = ?', key) === 1
    })
  }

  isLocked(key: string): Awaitable<boolean> {
    return this.#shardOf(key).read((file) => holderOf(file, key) !== undefined)
  }
}

function holderOf(file: ShardFile, key: string): string | undefined {
  const sql = 'SELECT token FROM locks WHERE key = ? AND expires_at > ?'
  return file.get<{ token: string }>(sql, key, file.now())?.token
}

function take(file: ShardFile, key: string, token: string, lifetime: Milliseconds): void {
  const now = file.now()
  const end = Math.min(now + lifetime, Number.MAX_SAFE_INTEGER)
  file.run('INSERT OR REPLACE INTO locks (key, token, taken_at, expires_at) VALUES (?, ?, ?, ?)', key, token, now, end)
  file.wrote(0)
}
