import { randomUUID } from 'node:crypto'

/** A lease that nobody has: of a name of its own, of the first load. */
export function newLease(): string {
  return `${randomUUID()}:0:1`
}

/**
 * The lease that was taken.
 *
 * @param answer Of a script that was to take `lease`.
 */
export function leaseIn(answer: unknown, lease: string): string {
  return answer === 1 ? lease : String((answer as Buffer[])[0])
}

/** Whether a load that has `lease` would be stored where the key of leases holds `held`. */
export function holds(lease: string, held: string): boolean {
  if (lease === held) return true
  const [own, , number] = lease.split(':')
  const [name, stored] = held.split(':')
  return name === own && Number(number) >= Number(stored)
}
