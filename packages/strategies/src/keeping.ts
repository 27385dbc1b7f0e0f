import { parseTtl, type Ttl } from '@cashews/core'
import type { Condition } from './condition.ts'
import { checkThat } from './options.ts'

/** Which outcomes of a function are stored. */
export interface KeepingOptions<R, A extends readonly unknown[]> {
  /** Decides which results are stored. @default all, `undefined` and `null` included, and no errors */
  readonly condition?: Condition<R, A>
  /** Stores only what took at least this long. Adds to `condition`. */
  readonly timeCondition?: Ttl
}

/** The names of these options. */
export const keepingNames: readonly string[] = ['condition', 'timeCondition']

/** Decides what is stored, once the function has ended. `took` is in milliseconds. */
export interface Keeping {
  readonly storesErrors: boolean
  result(result: unknown, took: number, call: { readonly args: readonly unknown[]; readonly key: string }): boolean
  error(error: unknown, took: number): boolean
}

/** Reads the options that decide what is stored. */
export function keepingOf(options: KeepingOptions<never, never>): Keeping {
  const condition = options.condition as Condition<unknown, readonly unknown[]> | undefined
  checkThat(
    condition === undefined || typeof condition === 'function',
    `A condition is a function such as notNull, not ${JSON.stringify(condition)}.`,
  )
  const atLeast = options.timeCondition === undefined ? 0 : parseTtl(options.timeCondition)
  return {
    storesErrors: condition?.storesError !== undefined,
    result: (result, took, call) => took >= atLeast && (condition === undefined || condition(result, call)),
    error: (error, took) => took >= atLeast && condition?.storesError?.(error) === true,
  }
}
