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
import type { Argument } from '../connection/link.ts'
import type { Keyspace } from '../keys/keyspace.ts'
import { bitString } from '../kinds/bit-string.ts'
import { PUT, Script, ttlOf } from '../scripts/script.ts'
import type { StoredValues } from './stored-values.ts'

/** Lua: a digest of whatever a key holds; `''` if it is absent. */
const STAMP_OF = `
local function stampOf(key)
  local held = redis.pcall('GET', key)
  if not held then return '' end
  return redis.sha1hex(type(held) == 'string' and held or redis.call('DUMP', key))
end`

/**
 * KEYS: the expected locks, beginning with those to free at the end; the expected keys; a pair for each write.
 *
 * ARGV: how many locks to free, how many locks and how many keys are expected, and the channel for freed locks; the tokens
 * (`''`: free) and stamps (`''`: absent) that are expected; then for each write an operation, a ttl (or `keep`) and a value:
 * the bytes for `set` and `bits`; JSON for `members` and `events`, which have an id before the instants; the token for `lock`.
 */
export const APPLY: Script = new Script(`${STAMP_OF}${PUT}
local freed, locks, expected, channel, arg = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[2] + ARGV[3], ARGV[4], 5
for from = 1, locks, 1000 do
  for _, owner in ipairs(redis.call('MGET', unpack(KEYS, from, math.min(from + 999, locks)))) do
    if (owner or '') ~= ARGV[arg] then return 0 end
    arg = arg + 1
  end
end
for i = locks + 1, expected do
  if stampOf(KEYS[i]) ~= ARGV[arg] then return 0 end
  arg = arg + 1
end
local gone = {}
local function fill(key, ttl, add)
  redis.call('UNLINK', key)
  add()
  if ttl ~= '' then redis.call('PEXPIRE', key, ttl) end
end
for i = expected + 1, #KEYS, 2 do
  local key, op, ttl, value = KEYS[i], ARGV[arg], ARGV[arg + 1], ARGV[arg + 2]
  if op == 'delete' then redis.call('UNLINK', key)
  elseif op == 'expire' then
    if ttl == '' then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, ttl) end
  elseif op == 'unlock' then
    redis.call('UNLINK', key)
    redis.call('PUBLISH', channel, key)
  elseif op == 'members' then
    fill(key, ttl, function() for _, member in ipairs(cjson.decode(value)) do redis.call('SADD', key, member) end end)
  elseif op == 'events' then
    fill(key, ttl, function()
      local events = cjson.decode(value)
      for at = 2, #events do redis.call('ZADD', key, events[at], events[1] .. ':' .. at) end
    end)
  elseif ttl == 'keep' then
    local left = redis.call('PTTL', key)
    put(key, value, left > 0 and left or '')
  else put(key, value, ttl) end
  if KEYS[i + 1] ~= key then gone[#gone + 1] = KEYS[i + 1] end
  arg = arg + 3
end
for i = 1, freed do
  gone[#gone + 1] = KEYS[i]
  redis.call('PUBLISH', channel, KEYS[i])
end
for from = 1, #gone, 1000 do redis.call('UNLINK', unpack(gone, from, math.min(from + 999, #gone))) end
return 1`)

type AnyWrite = Write | KindWrite

/** One call of {@link APPLY}: writes that are all made if all expectations hold. */
export class ApplyStep {
  /** The keys that change. */
  readonly keys: readonly string[]
  readonly names: readonly string[]
  readonly #locks: readonly LockExpectation[]
  readonly #stamps: readonly Expectation[]
  readonly #writes: readonly AnyWrite[]
  /** How many of the locks are freed at the end. These come first, and are named only once. */
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
   * @param channel The channel on which waiters for a lock learn that it is free.
   * @param newEvent Makes a unique id for the events of a window.
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

  /** The error for when one command cannot name all the keys. */
  severalSlots(): CommandError {
    const each = [...this.#locks, ...this.#stamps, ...this.#writes].map((one) => ('key' in one ? one.key : one.lock))
    const named = [...new Set(each)].map((key) => `"${key}"`).join(', ')
    return new CommandError(
      `A Redis Cluster changes keys in one step only when they share a slot; ${named} do not. Give them a hash tag, such as {user:1}:name.`,
    )
  }
}

/** The locks that will be free after the writes. */
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
  if (kind === 'bits') return ['bits', ttl, bitString(items)]
  return ['events', ttl, JSON.stringify([newEvent(), ...items.map(String)])]
}
