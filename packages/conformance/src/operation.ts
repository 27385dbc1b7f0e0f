import {
  type Awaitable,
  type Backend,
  chain,
  MISS,
  type Milliseconds,
  type Stamp,
  type WindowSlice,
  type Write,
} from '@cashews/core'
import fc, { type Arbitrary } from 'fast-check'
import type { Group } from './check.ts'
import type { Model } from './model.ts'

/** One command with its arguments, as data, so that a failure can be read and shrunk. */
export type Operation =
  | readonly ['elapse', Milliseconds]
  | readonly ['get' | 'delete' | 'exists' | 'timeLeft' | 'inspect', key: string]
  | readonly ['set', key: string, value: unknown, lifetime: Milliseconds, exists: boolean | undefined]
  | readonly ['incr', key: string, by: number, lifetime: Milliseconds]
  | readonly ['expire', key: string, lifetime: Milliseconds]
  | readonly ['getMany' | 'deleteMany', keys: readonly string[]]
  | readonly ['setMany', keys: readonly string[], value: unknown, lifetime: Milliseconds]
  | readonly ['deleteMatch' | 'scan', pattern: string]
  | readonly ['count' | 'clear']
  | readonly ['apply', expected: readonly string[], writes: readonly Write[]]
  | readonly ['bits.get', key: string, indexes: readonly number[]]
  | readonly ['bits.incr', key: string, indexes: readonly number[], by: number]
  | readonly ['windows.incr', key: string, slice: WindowSlice]
  | readonly ['sets.add', key: string, members: readonly string[], lifetime: Milliseconds | undefined]
  | readonly ['sets.remove', key: string, members: readonly string[]]
  | readonly ['sets.pop', key: string]
  | readonly ['locks.acquire' | 'locks.extend', key: string, token: string, lifetime: Milliseconds]
  | readonly ['locks.release', key: string, token: string]
  | readonly ['locks.isLocked', key: string]

/** The keys of random operations: few, so that several operations hit the same one. */
const KEYS = ['a', 'b', 'a:1', 'b:1', '*', ''] as const
const TOKENS = ['me', 'you'] as const
const PATTERNS = ['*', 'a*', '?', '[ab]:1', '[^a]*', '\\*', 'a'] as const
const FIELD = 4

/** Which operations to make. */
export interface OperationOptions {
  readonly unit: Milliseconds
  /** Whether operations may let time pass. */
  readonly timePasses: boolean
  readonly groups: ReadonlySet<Group>
  /** Whether `apply` may name several keys. */
  readonly severalKeys: boolean
}

/** Makes random operations. */
export function operations({
  unit,
  timePasses,
  groups,
  severalKeys,
}: OperationOptions): Arbitrary<readonly Operation[]> {
  const key = fc.constantFrom(...KEYS)
  const keys = fc.array(key, { maxLength: 4 })
  const value = fc.constantFrom<unknown[]>(0, 1, -7, 'text', '', null, undefined, false, { list: [1] })
  const by = fc.integer({ min: -3, max: 20 })
  const hour = 3_600_000
  const lifetime = timePasses
    ? fc.constantFrom(unit, 2 * unit, 5 * unit, Infinity)
    : fc.constantFrom(hour, 2 * hour, Infinity)
  const pattern = fc.constantFrom(...PATTERNS)
  const members = fc.array(fc.constantFrom('x', 'y', 'z', ''), { maxLength: 3 })
  const indexes = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 })
  const token = fc.constantFrom(...TOKENS)
  const instant = fc.integer({ min: 0, max: 10 })
  const max = fc.integer({ min: 1, max: 4 })
  // If time really passes, ages cannot be compared.
  const slice: Arbitrary<WindowSlice> = fc.oneof(
    fc.record({ max, lifetime, start: instant, end: instant }),
    ...(timePasses ? [fc.record({ max, lifetime, period: fc.constantFrom(unit, 3 * unit) })] : []),
  )
  const write: Arbitrary<Write> = fc.oneof(
    fc.record({ op: fc.constant('set'), key, value, lifetime: fc.oneof(lifetime, fc.constant('keep' as const)) }),
    fc.record({ op: fc.constant('expire'), key, lifetime }),
    fc.record({ op: fc.constant('delete'), key }),
  )
  const writes = fc.array(write, { maxLength: 3 })
  const ofOneKey = fc.tuple(fc.constant('apply' as const), fc.array(key, { minLength: 1, maxLength: 1 }), writes)
  const command = <const N extends Operation[0]>(...names: N[]) => fc.constantFrom(...names)
  const group = (name: Group, ...made: Arbitrary<Operation>[]) => (groups.has(name) ? made : [])
  const operation: Arbitrary<Operation> = fc.oneof(
    fc.tuple(command('get', 'delete', 'exists', 'timeLeft'), key),
    fc.tuple(command('inspect'), key),
    fc.tuple(command('set'), key, value, lifetime, fc.constantFrom(undefined, true, false)),
    fc.tuple(command('incr'), key, by, lifetime),
    fc.tuple(command('expire'), key, lifetime),
    fc.tuple(command('getMany', 'deleteMany'), keys),
    fc.tuple(command('setMany'), fc.uniqueArray(key, { maxLength: 3 }), value, lifetime),
    fc.tuple(command('deleteMatch', 'scan'), pattern),
    fc.tuple(command('count', 'count', 'clear')),
    severalKeys
      ? fc.tuple(command('apply'), keys, writes)
      : ofOneKey.map(([apply, [key = ''], made]) => [apply, [key], made.map((write) => ({ ...write, key }))] as const),
    ...(timePasses ? [fc.tuple(command('elapse'), fc.constantFrom(unit / 2, unit, 3 * unit))] : []),
    ...group(
      'bits',
      fc.tuple(command('bits.get'), key, indexes),
      fc.tuple(command('bits.incr'), key, indexes, fc.integer({ min: 1, max: 20 })),
    ),
    ...group('windows', fc.tuple(command('windows.incr'), key, slice)),
    ...group(
      'sets',
      fc.tuple(command('sets.add'), key, members, fc.oneof(lifetime, fc.constant(undefined))),
      fc.tuple(command('sets.remove'), key, members),
      fc.tuple(command('sets.pop'), key),
    ),
    ...group(
      'locks',
      fc.tuple(command('locks.acquire', 'locks.extend'), key, token, lifetime),
      fc.tuple(command('locks.release'), key, token),
      fc.tuple(command('locks.isLocked'), key),
    ),
  )
  return fc.array(operation, { maxLength: 40, size: 'max' })
}

/** A backend, or the model of one, and the stamps that were seen in it. */
export interface Subject {
  readonly store: Backend | Model
  readonly stamps: Map<string, Stamp | undefined>
  /** Keys that were windows. Moving the time may change their stamps, if it is done by moving their events. */
  readonly windows: Set<string>
  elapse(duration: Milliseconds): unknown
  /** The prefix of the names of locks, which survive the sequence of operations. */
  readonly unique: string
}

/** Commands that may change nothing: the contract does not say whether the stamp of the key changes then. */
const UNCERTAIN = /^(expire|incr|bits|windows|sets)/

/** Carries out an operation. Answers without an order are sorted. */
export function perform(
  { store, stamps, windows: usedWindows, elapse, unique }: Subject,
  operation: Operation,
): Awaitable<unknown> {
  const { bits, windows, sets, locks } = store
  if (UNCERTAIN.test(operation[0])) stamps.delete(String(operation[1]))
  switch (operation[0]) {
    case 'elapse':
      for (const key of usedWindows) stamps.delete(key)
      return chain(elapse(operation[1]) as Awaitable<unknown>, () => undefined)
    case 'set':
      return store.set(operation[1], operation[2], operation[3], operation[4])
    case 'incr':
      return store.incr(operation[1], operation[2], operation[3])
    case 'expire':
      return store.expire(operation[1], operation[2])
    case 'getMany':
    case 'deleteMany':
      return store[operation[0]](operation[1])
    case 'setMany':
      return store.setMany(
        operation[1].map((key) => [key, operation[2]]),
        operation[3],
      )
    case 'deleteMatch':
      return store.deleteMatch(operation[1])
    case 'scan':
      return sorted(store.scan(operation[1], 2))
    case 'count':
    case 'clear':
      return store[operation[0]]()
    case 'inspect':
      return chain(store.inspect(operation[1]), (found) => {
        stamps.set(operation[1], found === MISS ? undefined : found.stamp)
        return found === MISS ? found : { value: found.value, timeLeft: found.timeLeft }
      })
    case 'apply': {
      const expectations = operation[1].map((key) => ({ key, stamp: stamps.get(key) }))
      for (const { key, op } of operation[2]) if (op === 'expire') stamps.delete(key)
      return store.apply(expectations, operation[2])
    }
    case 'bits.get':
      return bits && bits.get(operation[1], operation[2], FIELD)
    case 'bits.incr':
      return bits && bits.incr(operation[1], operation[2], FIELD, operation[3])
    case 'windows.incr':
      usedWindows.add(operation[1])
      return windows && windows.incr(operation[1], operation[2])
    case 'sets.add':
      return sets && sets.add(operation[1], operation[2], operation[3])
    case 'sets.remove':
      return sets && sets.remove(operation[1], operation[2])
    case 'sets.pop':
      return sets && chain(sets.pop(operation[1], 1_000), (members) => [...members].sort())
    case 'locks.acquire':
      return locks && locks.acquire(unique + operation[1], operation[2], operation[3])
    case 'locks.extend':
      return locks && locks.extend(unique + operation[1], operation[2], operation[3])
    case 'locks.release':
      return locks && locks.release(unique + operation[1], operation[2])
    case 'locks.isLocked':
      return locks && locks.isLocked(unique + operation[1])
    default:
      return store[operation[0]](operation[1])
  }
}

async function sorted(keys: AsyncIterable<string> | Iterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const key of keys) found.push(key)
  return found.sort()
}
