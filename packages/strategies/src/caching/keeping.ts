import { type Awaitable, checkType, type Outcome, parseTtl, type Ttl } from '@cashews/core'
import type { Condition } from './condition.ts'

/** Which outcomes of a function are stored. */
export interface KeepingOptions<R, A extends readonly unknown[]> {
  /** Decides which results are stored. @default all, `undefined` and `null` included, and no errors */
  readonly condition?: Condition<R, A> | undefined
  /** Stores only results that took at least this long to compute, in addition to `condition`. @default no minimum */
  readonly timeCondition?: Ttl | undefined
  /** `false`: does not store results for which a strategy inside the function used its cache. @default true */
  readonly nested?: boolean | undefined
}

/** The names of these options. */
export const keepingNames: readonly string[] = ['condition', 'timeCondition', 'nested']

/** Decides whether an outcome is stored. `took` is in milliseconds. */
export interface Keeping {
  readonly storesErrors: boolean
  readonly watchesInside: boolean
  /** Whether the decision depends on how long the function took. */
  readonly isTimed: boolean
  result(
    result: unknown,
    took: number,
    call: { args: readonly unknown[]; key: string },
    outcome: Outcome,
  ): Awaitable<boolean>
  error(error: unknown, took: number): boolean
}

/**
 * Compiles the options that decide what is stored.
 *
 * @param keepsErrors `false` for strategies that fall back on the last good result, which an error must not replace.
 */
export function keepingOf(options: KeepingOptions<never, never>, keepsErrors = true): Keeping {
  const condition = options.condition as Condition<unknown, readonly unknown[]> | undefined
  checkType('function', { condition })
  const atLeast = options.timeCondition === undefined ? 0 : parseTtl(options.timeCondition, 'timeCondition')
  const storesError = keepsErrors ? condition?.storesError : undefined
  const watchesInside = options.nested === false
  return {
    storesErrors: storesError !== undefined,
    watchesInside,
    isTimed: atLeast > 0,
    result: (result, took, { args, key }, { hitInside }) =>
      took >= atLeast && !(watchesInside && hitInside) && (condition === undefined || condition(result, { args, key })),
    error: (error, took) => took >= atLeast && storesError?.(error) === true,
  }
}
