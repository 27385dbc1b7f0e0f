import { type Awaitable, type Leased, type Leases, MISS } from '@cashews/core'
import type { KeyCommands } from '../keys/key-commands.ts'
import { scanLeases } from '../keys/scanning.ts'
import { ttlOf } from '../scripts/script.ts'
import type { StoredValues } from '../values/stored-values.ts'
import { holds, leaseIn, newLease } from './lease.ts'
import { GET_OR_LEASE, SET_LEASED, TAKE_LEASE, VOID } from './lease-scripts.ts'

/** How many leases to void at a time. */
const BATCH = 1_000

/**
 * Leases, which are voided by a write of any process.
 *
 * @param read Reads the value of a key.
 */
export function redisLeases(
  commands: KeyCommands,
  values: StoredValues,
  read: (key: string) => Awaitable<unknown>,
): Leases {
  const valueOrLease = async (key: string): Promise<Leased> => {
    const lease = newLease()
    const answer = await commands.run(GET_OR_LEASE, key, [lease])
    if (answer instanceof Buffer) return { value: await values.decode(key, answer) }
    return { value: MISS, lease: leaseIn(answer, lease) }
  }
  return {
    get: async (key) => {
      const value = await read(key)
      return value === MISS ? valueOrLease(key) : { value }
    },
    take: async (key) => {
      const lease = newLease()
      return leaseIn(await commands.run(TAKE_LEASE, key, [lease]), lease)
    },
    set: async (key, value, lifetime, lease) => {
      const encoded = await values.encode(key, value)
      return (await commands.change(SET_LEASED, key, [lease, encoded, ttlOf(lifetime)])) === 1
    },
    holds: async (key, lease) => {
      const name = commands.keys.lease(key)
      const held = await commands.link.send({ name: 'get', args: [name], key: name })
      return held !== null && holds(lease, String(held))
    },
    voidMatch: async (pattern) => {
      const voidAll = (keys: readonly string[]) => commands.runAll(VOID, keys, () => [])
      for await (const _ of scanLeases(commands, pattern, BATCH, voidAll));
    },
  }
}
