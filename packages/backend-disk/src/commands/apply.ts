import {
  type Awaitable,
  all,
  chain,
  type Expectation,
  type KindWrite,
  keyOfLock,
  type LockExpectation,
  type Write,
} from '@cashews/core'
import type { Pace } from '../files/pace.ts'
import type { ShardFile } from '../files/shard-file.ts'
import type { Shards } from '../files/shards.ts'
import { writeTogether } from '../files/together.ts'
import { putContent } from '../values/contents.ts'
import { endOf } from '../values/entry.ts'
import { claim } from '../values/large-values.ts'
import type { Encoded, Values } from '../values/values.ts'
import { free, holderOf, take } from './disk-locks.ts'
import { keptEnd } from './kinds.ts'

type AnyExpectation = Expectation | LockExpectation
type AnyWrite = Write | KindWrite

/** Applies writes that happen together, in one transaction over the shards involved, if what is expected holds. */
export class DiskApply {
  readonly #shards: Shards
  readonly #values: Values
  readonly #pace: Pace

  constructor(shards: Shards, values: Values, pace: Pace) {
    this.#shards = shards
    this.#values = values
    this.#pace = pace
  }

  apply(expectations: readonly AnyExpectation[], writes: readonly AnyWrite[]): Awaitable<boolean> {
    const shardOf = (one: AnyExpectation | AnyWrite) => this.#shards.of(placeOf(one))
    const places = new Set([...expectations, ...writes].map(shardOf))
    const involved = this.#shards.all.filter((shard) => places.has(shard))
    if (involved.length === 0) return true
    for (const shard of involved) shard.settle()
    const encoded = all<Encoded | undefined>(
      writes.map((write) =>
        write.op === 'set' ? this.#values.encode(shardOf(write), write.key, write.value) : undefined,
      ),
    )
    return chain(encoded, (encoded) =>
      writeTogether(involved, this.#pace, (left) => {
        const isDecided = left.length < involved.length
        if (!isDecided && !expectations.every((expected) => holds(shardOf(expected).file, expected))) return false
        for (const [at, write] of writes.entries())
          if (left.includes(shardOf(write))) make(shardOf(write).file, write, encoded[at])
        return true
      }),
    )
  }
}

/** The key that decides which shard an expectation or a write belongs to. */
function placeOf(one: AnyExpectation | AnyWrite): string {
  return 'lock' in one ? keyOfLock(one.lock) : one.key
}

function holds(file: ShardFile, expected: AnyExpectation): boolean {
  if ('lock' in expected) return holderOf(file, expected.lock) === expected.token
  return file.find(expected.key)?.stamp === expected.stamp
}

function make(file: ShardFile, write: AnyWrite, encoded: Encoded | undefined): void {
  if (write.op === 'lock') take(file, write.lock, write.token, write.lifetime)
  else if (write.op === 'unlock') free(file, write.lock)
  else if (write.op === 'delete') file.delete(write.key)
  else if (write.op === 'expire') file.expire(write.key, write.lifetime)
  else if (write.op === 'put') putContent(file, write.key, write.content, endOf(write.lifetime, file.now()))
  else if (encoded !== undefined) {
    const { key, lifetime } = write
    const expiresAt =
      lifetime === 'keep' ? keptEnd(file, file.find(key), Number.POSITIVE_INFINITY) : endOf(lifetime, file.now())
    claim(file, encoded)
    file.put({ key, expiresAt, ...encoded })
  }
}
