import type { Lease } from '@cashews/core'
import type { Held } from './held.ts'

/** The right to store what is loaded inside a transaction. */
export interface Loading {
  /** The lease within this process. */
  readonly lease: Lease
  /** The lease of a store that watches across processes. */
  readonly token: string | undefined
}

/** The result of a load, to be stored after the commit. */
export interface Fill {
  readonly held: Held
  readonly loading: Loading
  readonly tags: readonly string[]
}
