import { type Awaitable, type Bits, checkBitFields } from '@cashews/core'
import type { ShardFile } from '../files/shard-file.ts'
import type { Shards } from '../files/shards.ts'
import { KIND, pick } from '../values/entry.ts'
import { BitFields } from './bit-fields.ts'
import { ofKind } from './kinds.ts'

/** Bit arrays, stored in parts; a command reads and writes only those it needs. */
export class DiskBits implements Bits {
  readonly #shards: Shards

  constructor(shards: Shards) {
    this.#shards = shards
  }

  get(key: string, indexes: readonly number[], size: number): Awaitable<number[]> {
    checkBitFields(indexes, size)
    const shard = this.#shards.of(key)
    return shard.read((file) => {
      const now = file.now()
      const entry = ofKind(key, file.find(key, now), KIND.bits)
      if (entry) shard.used(key, entry.usedAt, now)
      const fields = fieldsOf(file, entry?.ref)
      return indexes.map((index) => fields.field(index, size))
    })
  }

  incr(key: string, indexes: readonly number[], size: number, by: number): Awaitable<number[]> {
    checkBitFields(indexes, size)
    return this.#shards.of(key).write((file) => {
      const entry = ofKind(key, file.find(key), KIND.bits)
      const ref = entry?.ref ?? pick()
      const fields = fieldsOf(file, ref)
      const sums = indexes.map((index) => fields.add(index, size, by))
      if (sums.length === 0) return sums
      fields.save()
      file.put({ key, kind: KIND.bits, expiresAt: entry?.expiresAt ?? null, ref, sum: 0, value: null })
      return sums
    })
  }
}

function fieldsOf(file: ShardFile, ref: number | null | undefined): BitFields {
  return new BitFields({
    read: (part) =>
      ref === undefined
        ? undefined
        : file.get<{ bytes: Buffer }>('SELECT bytes FROM parts WHERE ref = ? AND part = ?', ref, part)?.bytes,
    write: (part, bytes) => {
      const sql = 'INSERT INTO parts VALUES (?, ?, ?) ON CONFLICT (ref, part) DO UPDATE SET bytes = excluded.bytes'
      file.run(sql, ref, part, bytes)
      file.wrote(bytes.length)
    },
  })
}
