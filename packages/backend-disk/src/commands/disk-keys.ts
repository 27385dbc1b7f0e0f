import { type Clock, compileGlob, fixedHead } from '@cashews/core'
import type { Shard } from '../files/shard.ts'
import type { ShardFile } from '../files/shard-file.ts'
import { turn } from '../files/turn.ts'
import { slice } from '../upkeep/upkeep.ts'
import { type Entry, isAlive } from '../values/entry.ts'

/** How many keys one removing transaction takes. */
const BATCH = 64
/** How many keys a step takes that only counts, or that stops when its time slice is over. */
const MANY = 10 * BATCH

/** Where to find keys: those of entries, and those with a lease. */
const STORED = 'SELECT key, expires_at AS expiresAt, used_at AS usedAt FROM entries'
const LEASED = 'SELECT DISTINCT key, NULL AS expiresAt, 0 AS usedAt FROM leases'

/**
 * Commands on all keys, or on all that match: shard by shard and in small steps, so that the event loop is never
 * blocked.
 */
export class DiskKeys {
  readonly #shards: readonly Shard[]
  readonly #clock: Clock

  constructor(shards: readonly Shard[], clock: Clock) {
    this.#shards = shards
    this.#clock = clock
  }

  /** Yields keys in order, so that none is met twice. */
  async *scan(pattern: string, batchSize: number): AsyncGenerator<string> {
    for (const shard of this.#shards) for await (const keys of this.#matching(shard, pattern, batchSize)) yield* keys
  }

  async deleteMatch(pattern: string): Promise<number> {
    return this.#remove(pattern, STORED, (file, key) => file.delete(key))
  }

  /** Voids the leases of all matching keys, whether or not the keys exist. */
  async voidLeases(pattern: string): Promise<void> {
    await this.#remove(pattern, LEASED, (file, key) => file.run('DELETE FROM leases WHERE key = ?', key))
  }

  async clear(): Promise<void> {
    for (const shard of this.#shards) {
      const last = await shard.read((file) => file.get<{ id: number | null }>('SELECT max(id) AS id FROM entries')?.id)
      let left = true
      while (left) {
        left = await shard.remove((file) => {
          file.run('DELETE FROM leases')
          const hasTime = slice()
          const ids = file.all<{ id: number }>('SELECT id FROM entries WHERE id <= ? LIMIT ?', last ?? 0, MANY)
          const areGone = ids.every(({ id }) => {
            file.drop(id)
            return hasTime()
          })
          // What is written afterwards may have such ids again.
          return !areGone || ids.length === MANY
        })
        await turn()
      }
    }
  }

  async count(): Promise<number> {
    let count = 0
    for (const shard of this.#shards) {
      for (let last = 0; ; await turn()) {
        const rows = await shard.read((file) =>
          file.all<Entry>(
            'SELECT id, expires_at AS expiresAt, used_at AS usedAt FROM entries WHERE id > ? ORDER BY id LIMIT ?',
            last,
            MANY,
          ),
        )
        const now = this.#clock.now()
        count += rows.filter((row) => isAlive(row, now)).length
        if (rows.length < MANY) break
        last = rows.at(-1)?.id as number
      }
    }
    return count
  }

  /** Removes something of each key that matches. Resolves to how many keys `remove` was true for. */
  async #remove(pattern: string, from: string, remove: (file: ShardFile, key: string) => unknown): Promise<number> {
    let gone = 0
    for (const shard of this.#shards) {
      for await (const keys of this.#matching(shard, pattern, BATCH, from))
        gone += await shard.remove((file) => keys.filter((key) => remove(file, key)).length)
      await turn()
    }
    return gone
  }

  async *#matching(shard: Shard, pattern: string, batchSize: number, from = STORED): AsyncGenerator<string[]> {
    const matches = compileGlob(pattern)
    const prefix = fixedHead(pattern)
    const atMost = Math.max(batchSize, 1)
    for (let after: string | undefined; ; await turn()) {
      const rows = await shard.read((file) =>
        file.all<Entry & { key: string }>(
          `${from} WHERE key ${after === undefined ? '>=' : '>'} ? ORDER BY key LIMIT ?`,
          after ?? prefix,
          atMost,
        ),
      )
      const now = this.#clock.now()
      const inReach = rows.filter(({ key }) => key.startsWith(prefix))
      const keys = inReach.filter((row) => isAlive(row, now) && matches(row.key)).map(({ key }) => key)
      if (keys.length > 0) yield keys
      if (inReach.length < atMost) return
      after = rows.at(-1)?.key
    }
  }
}
