import { randomUUID } from 'node:crypto'

/** The token of a new lease: that of its first load. */
export function newLease(): string {
  return `${randomUUID()}:0:1`
}

/**
 * The token that was taken.
 *
 * @param answer The answer of a script that was offered `lease`.
 */
export function leaseIn(answer: unknown, lease: string): string {
  return answer === 1 ? lease : String((answer as Buffer[])[0])
}

/** Whether a load with the token `lease` may store its value while the lease in Redis is `held`. */
export function holds(lease: string, held: string): boolean {
  if (lease === held) return true
  const [own, , number] = lease.split(':')
  const [name, stored] = held.split(':')
  return name === own && Number(number) >= Number(stored)
}
