import { checkThat, isA } from '@cashews/core'

/** A class of errors. */
export type ErrorType = abstract new (...args: never[]) => Error

/** Whether an error is an instance of one of the types; without types, every error is. */
export function isOneOf(types: readonly ErrorType[] = []): (error: unknown) => boolean {
  const areClasses = Array.isArray(types) && types.every((type) => type?.prototype)
  checkThat(areClasses, 'errors must be a list of classes', types)
  return (error) => types.length === 0 || types.some((type) => isA(error, type))
}
