import { CommandError, type Expectation, type KindWrite, type LockExpectation, type Write } from '@cashews/core'
import type { Keyspace } from './keyspace.ts'
import type { Argument } from './link.ts'
import { BITS_HEADER, ttlOf } from './scripts.ts'
import type { StoredValues } from './stored-values.ts'

type AnyExpectation = Expectation | LockExpectation
type AnyWrite = Write | KindWrite

/** One call of the script {@link APPLY}: writes that happen together, if what is expected holds. */
export class ApplyStep {
  /** The keys that change. */
  readonly keys: readonly string[]
  readonly names: readonly string[]
  readonly #expectations: readonly AnyExpectation[]
  readonly #writes: readonly AnyWrite[]
  /** The locks that are expected and freed at the end, so that each is named once. */
  readonly #freed: ReadonlySet<string>

  constructor(expectations: readonly AnyExpectation[], writes: readonly AnyWrite[], keyspace: Keyspace) {
    this.#expectations = expectations
    this.#freed = freedLocks(expectations, writes)
    this.#writes = writes.filter((write) => write.op !== 'unlock' || !this.#freed.has(write.lock))
    this.keys = this.#writes.flatMap((write) => ('key' in write ? [write.key] : []))
    this.names = [
      ...expectations.map((each) => ('lock' in each ? keyspace.lock(each.lock) : keyspace.value(each.key))),
      ...this.#writes.flatMap((write) => namesOf(write, keyspace)),
    ]
  }

  /**
   * @param channel Where the waiters for a lock hear that it is free.
   * @param newEvent Answers a name for events of a window that nobody else has.
   */
  async arguments(values: StoredValues, channel: string, newEvent: () => string): Promise<Argument[]> {
    const written = await Promise.all(this.#writes.map((write) => argumentsOf(write, values, newEvent)))
    const expected = this.#expectations.map((each) => this.#expected(each))
    return [this.#expectations.length, channel, ...expected.flat(), ...written.flat()]
  }

  /** What is to be told when one command cannot name all of it. */
  severalSlots(): CommandError {
    const all = [...this.#expectations, ...this.#writes].map((each) => ('key' in each ? each.key : each.lock))
    const named = [...new Set(all)].map((key) => `"${key}"`).join(', ')
    return new CommandError(
      `A Redis Cluster changes keys in one step only when they share a slot; ${named} do not. Give them a hash tag, such as {user:1}:name.`,
    )
  }

  #expected(each: AnyExpectation): readonly Argument[] {
    if (!('lock' in each)) return ['key', each.stamp ?? '']
    const { lock, token = '' } = each
    return this.#freed.has(lock) ? ['freed', token, lock] : ['lock', token]
  }
}

function freedLocks(expectations: readonly AnyExpectation[], writes: readonly AnyWrite[]): Set<string> {
  const freed = new Set<string>()
  for (const write of writes) if (write.op === 'unlock') freed.add(write.lock)
  if (freed.size === 0) return freed
  for (const write of writes) if (write.op === 'lock') freed.delete(write.lock)
  const held = new Set(expectations.map((each) => ('lock' in each && each.token !== undefined ? each.lock : undefined)))
  for (const lock of freed) if (!held.has(lock)) freed.delete(lock)
  return freed
}

function namesOf(write: AnyWrite, keyspace: Keyspace): readonly [string, string] {
  if ('key' in write) return [keyspace.value(write.key), keyspace.lease(write.key)]
  const name = keyspace.lock(write.lock)
  return [name, name]
}

async function argumentsOf(write: AnyWrite, values: StoredValues, newEvent: () => string): Promise<Argument[]> {
  if (write.op === 'delete') return [write.op, '', '']
  if (write.op === 'unlock') return [write.op, '', write.lock]
  const ttl = write.lifetime === 'keep' ? 'keep' : ttlOf(write.lifetime)
  if (write.op === 'lock') return [write.op, ttl, write.token]
  if (write.op === 'expire') return [write.op, ttl, '']
  if (write.op === 'set') return [write.op, ttl, await values.encode(write.key, write.value)]
  const { kind, items } = write.content
  if (kind === 'set') return ['members', ttl, JSON.stringify(items)]
  if (kind === 'bits') return ['bits', ttl, Buffer.concat([BITS_HEADER, Buffer.from(items)])]
  return ['events', ttl, JSON.stringify([newEvent(), ...items.map(String)])]
}
