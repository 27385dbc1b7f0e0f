import type { Awaitable } from '@cashews/core'
import { type ErrorType, isOneOf } from '../wrapping/error-types.ts'

/** Decides whether a result is stored. */
export interface Condition<R, A extends readonly unknown[]> {
  (result: R, call: { readonly args: A; readonly key: string }): Awaitable<boolean>
  /** Decides whether an error is stored, to be thrown again at later calls. @default none is */
  readonly storesError?: (error: unknown) => boolean
}

/** Stores every result but `undefined` and `null`. */
export function notNull(result: unknown): boolean {
  return result !== undefined && result !== null
}

/** Stores results, and errors of the given types as well. @param types @default Error */
export function withErrors(...types: readonly ErrorType[]): Condition<unknown, readonly unknown[]> {
  return storingErrors(true, types)
}

/** Stores errors of the given types, and no result. @param types @default Error */
export function onlyErrors(...types: readonly ErrorType[]): Condition<unknown, readonly unknown[]> {
  return storingErrors(false, types)
}

function storingErrors(results: boolean, types: readonly ErrorType[]): Condition<unknown, readonly unknown[]> {
  return Object.assign(() => results, { storesError: isOneOf(types.length > 0 ? types : [Error]) })
}
