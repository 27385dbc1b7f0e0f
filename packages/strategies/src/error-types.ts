import { checkThat, kindOfOption } from '@cashews/core'

/** A class of errors. */
export type ErrorType = abstract new (...args: never[]) => Error

/** Tells whether an error is of one of the types; with none given, every error is. */
export function isOneOf(types: readonly ErrorType[] | undefined): (error: unknown) => boolean {
  if (types === undefined) return () => true
  checkThat(
    Array.isArray(types) && types.every((type) => typeof type === 'function'),
    `Errors are a list of classes, such as [TypeError], not ${Array.isArray(types) ? types : kindOfOption(types)}.`,
  )
  if (types.length === 0) return () => true
  return (error) => types.some((type) => error instanceof type)
}
