import {
  type Awaitable,
  all,
  CommandError,
  chain,
  type Expectation,
  type KindWrite,
  type LockExpectation,
  type Write,
} from '@cashews/core'
import type { Keyspace } from './keyspace.ts'
import type { Argument } from './link.ts'
import { BITS_HEADER, ttlOf } from './scripts.ts'
import type { StoredValues } from './stored-values.ts'

type AnyWrite = Write | KindWrite

/** One call of the script {@link APPLY}: writes that happen together, if what is expected holds. */
export class ApplyStep {
  /** The keys that change. */
  readonly keys: readonly string[]
  readonly names: readonly string[]
  readonly #locks: readonly LockExpectation[]
  readonly #stamps: readonly Expectation[]
  readonly #writes: readonly AnyWrite[]
  /** How many of the locks are freed at the end. They are named once, and first. */
  readonly #freed: number

  constructor(
    expectations: readonly (Expectation | LockExpectation)[],
    writes: readonly AnyWrite[],
    keyspace: Keyspace,
  ) {
    const freed = freedLocks(writes)
    const locks = expectations.filter((each) => 'lock' in each)
    const held = locks.filter(({ lock, token }) => token !== undefined && freed.delete(lock))
    this.#freed = held.length
    this.#locks = held.length > 0 ? [...held, ...locks.filter((each) => !held.includes(each))] : locks
    this.#stamps = expectations.filter((each) => 'key' in each)
    this.#writes = held.length > 0 ? writes.filter((write) => write.op !== 'unlock' || freed.has(write.lock)) : writes
    this.keys = this.#writes.flatMap((write) => ('key' in write ? [write.key] : []))
    this.names = [
      ...this.#locks.map(({ lock }) => keyspace.lock(lock)),
      ...this.#stamps.map(({ key }) => keyspace.value(key)),
      ...this.#writes.flatMap((write) => namesOf(write, keyspace)),
    ]
  }

  /**
   * @param channel Where the waiters for a lock hear that it is free.
   * @param newEvent Answers a name for events of a window that nobody else has.
   */
  arguments(values: StoredValues, channel: string, newEvent: () => string): Awaitable<Argument[]> {
    const expected = [...this.#locks.map(({ token = '' }) => token), ...this.#stamps.map(({ stamp = '' }) => stamp)]
    const written = all(this.#writes.map((write) => argumentsOf(write, values, newEvent)))
    return chain(written, (written) => [
      this.#freed,
      this.#locks.length,
      this.#stamps.length,
      channel,
      ...expected,
      ...written.flat(),
    ])
  }

  /** What is to be told when one command cannot name all of it. */
  severalSlots(): CommandError {
    const each = [...this.#locks, ...this.#stamps, ...this.#writes].map((one) => ('key' in one ? one.key : one.lock))
    const named = [...new Set(each)].map((key) => `"${key}"`).join(', ')
    return new CommandError(
      `A Redis Cluster changes keys in one step only when they share a slot; ${named} do not. Give them a hash tag, such as {user:1}:name.`,
    )
  }
}

/** The locks that are free in the end. */
function freedLocks(writes: readonly AnyWrite[]): Set<string> {
  const freed = new Set<string>()
  for (const write of writes) if (write.op === 'unlock') freed.add(write.lock)
  if (freed.size > 0) for (const write of writes) if (write.op === 'lock') freed.delete(write.lock)
  return freed
}

function namesOf(write: AnyWrite, keyspace: Keyspace): readonly [string, string] {
  if ('key' in write) return [keyspace.value(write.key), keyspace.lease(write.key)]
  const name = keyspace.lock(write.lock)
  return [name, name]
}

function argumentsOf(write: AnyWrite, values: StoredValues, newEvent: () => string): Awaitable<Argument[]> {
  if (write.op === 'delete' || write.op === 'unlock') return [write.op, '', '']
  const ttl = write.lifetime === 'keep' ? 'keep' : ttlOf(write.lifetime)
  if (write.op === 'lock') return [write.op, ttl, write.token]
  if (write.op === 'expire') return [write.op, ttl, '']
  if (write.op === 'set') return chain(values.encode(write.key, write.value), (encoded) => [write.op, ttl, encoded])
  const { kind, items } = write.content
  if (kind === 'set') return ['members', ttl, JSON.stringify(items)]
  if (kind === 'bits') return ['bits', ttl, Buffer.concat([BITS_HEADER, Buffer.from(items)])]
  return ['events', ttl, JSON.stringify([newEvent(), ...items.map(String)])]
}
