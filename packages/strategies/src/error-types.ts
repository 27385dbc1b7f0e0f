import { checkList } from '@cashews/core'

/** A class of errors. */
export type ErrorType = abstract new (...args: never[]) => Error

/** Tells whether an error is of one of the types; with none given, every error is. */
export function isOneOf(types: readonly ErrorType[] = []): (error: unknown) => boolean {
  checkList('errors', types, (type) => typeof type === 'function', '[TypeError]')
  return (error) => types.length === 0 || types.some((type) => error instanceof type)
}
