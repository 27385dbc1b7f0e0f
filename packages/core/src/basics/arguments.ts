import { CommandError } from '../errors.ts'
import { kindOfOption } from './options.ts'

/** Refuses an argument of a command that cannot work. @param given What the error is to show. */
export function checkArgument(fine: unknown, otherwise: string, given: unknown): asserts fine {
  if (!fine) throw new CommandError(`${otherwise}, not ${kindOfOption(given)}.`)
}

/** Refuses an argument of a command that is not a string. */
export function checkString(what: string, given: unknown): void {
  // On the way of every key: the message is only made for a wrong one.
  if (typeof given !== 'string') checkArgument(false, `${what} must be text`, given)
}

/** Refuses an argument that is not a function. */
export function checkCallable(given: unknown, name = 'fn'): void {
  checkArgument(typeof given === 'function', `${name} must be a function`, given)
}

/** Refuses anything but an array: a string would be taken for the list of its characters. */
export function checkArray(list: unknown, name = 'keys'): void {
  checkArgument(Array.isArray(list), `${name} must be a list`, list)
}

/** Refuses a list with anything but strings: stores of bytes would return strings for it. */
export function checkMembers(members: readonly unknown[]): void {
  checkArray(members, 'members')
  for (const member of members) checkString('A member', member)
}

/** Refuses an option of a command that is not a whole number of at least 0. */
export function checkCounted(option: string, count: unknown): void {
  checkArgument(
    Number.isSafeInteger(count) && (count as number) >= 0,
    `${option} must be a whole number from 0 on`,
    count,
  )
}

/** Refuses to add anything but a whole number to a counter. */
export function checkWhole(by: number): void {
  checkArgument(Number.isSafeInteger(by), 'A counter changes by whole numbers', by)
}
