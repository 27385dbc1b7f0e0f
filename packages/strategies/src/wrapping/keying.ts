import type { CheckedKey, KeyOptions } from '@cashews/core'
import type { AnyFunction } from './function-types.ts'

/** How the key of a call is computed. */
export interface KeyingOptions<F extends AnyFunction, K extends string, N extends readonly string[]> {
  /**
   * A template such as `'user:{id}'`, or a function of the arguments.
   *
   * @default derived from the function's name and parameters
   */
  readonly key?: CheckedKey<K, N, Parameters<F>> | ((...args: Parameters<F>) => string) | undefined
  /** A prefix of the key, separated by `:`. @default none */
  readonly prefix?: string | undefined
  /**
   * The names of the arguments by position, those of a rest parameter too: lets the compiler check templates, and makes
   * them work in minified code.
   *
   * @default read from the function's source
   */
  readonly args?: N | undefined
  /** The name of the function in a derived template. @default its own name */
  readonly name?: string | undefined
  /** Whether a derived template leaves `this` out. @default false */
  readonly noSelf?: boolean | undefined
}

/** Prepends the strategy's own prefix, so that two strategies around one function share no key. */
export function prefixed(strategy: string, options: KeyOptions): KeyOptions {
  const { prefix = '' } = options
  return { ...options, prefix: typeof prefix === 'string' ? `${strategy}${prefix && ':'}${prefix}` : prefix }
}

/** The names of these options. */
export const keyingNames: readonly string[] = ['key', 'prefix', 'args', 'name', 'noSelf']
