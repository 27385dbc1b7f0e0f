import type { Asker } from '../../backend.ts'
import { type Awaitable, chain } from '../../basics/awaitable.ts'
import type { KnownTags, TagAsker } from './tag-steps.ts'

/** A key as a reader sees it. */
export interface Reading {
  readonly value: unknown
  /** What the store holds. */
  readonly found: unknown
  /** The tag records that were read along, unless all were as expected. */
  readonly held?: readonly unknown[]
}

/** Decides what a reader sees, from what a key holds and from the records of the tags it was assumed to have. */
export type Judge = (
  key: string,
  tags: readonly string[],
  found: unknown,
  held: readonly unknown[],
) => Awaitable<Reading>

/** Passes on to an asker what a reader sees of what the store holds. */
export class Unpacking implements Asker {
  readonly #key: string
  readonly #asker: Asker
  readonly #unpack: (key: string, found: unknown, asker: Asker) => void

  constructor(key: string, asker: Asker, unpack: (key: string, found: unknown, asker: Asker) => void) {
    this.#key = key
    this.#asker = asker
    this.#unpack = unpack
  }

  found(found: unknown): void {
    this.#unpack(this.#key, found, this.#asker)
  }

  failed(error: unknown): void {
    this.#asker.failed(error)
  }
}

/** Passes on to an asker the value that a store has read in one step. */
export class StepValue implements TagAsker {
  readonly #key: string
  readonly #known: KnownTags
  readonly #judge: Judge
  readonly #asker: Asker

  constructor(key: string, known: KnownTags, judge: Judge, asker: Asker) {
    this.#key = key
    this.#known = known
    this.#judge = judge
    this.#asker = asker
  }

  fresh(value: unknown): void {
    this.#asker.found(value)
  }

  found([found, ...held]: unknown[]): void {
    tell(this.#asker, () => chain(this.#judge(this.#key, this.#known.tags, found, held), ({ value }) => value))
  }

  failed(error: unknown): void {
    this.#asker.failed(error)
  }
}

/** Resolves a promise with what is made of what a reader sees, after a store has read it in one step. */
export class StepReading<T> implements TagAsker {
  readonly #key: string
  readonly #known: KnownTags
  readonly #judge: Judge
  readonly #next: (reading: Reading) => Awaitable<T>
  readonly #resolve: (outcome: Awaitable<T>) => void
  readonly failed: (error: unknown) => void

  constructor(
    key: string,
    known: KnownTags,
    judge: Judge,
    next: (reading: Reading) => Awaitable<T>,
    resolve: (outcome: Awaitable<T>) => void,
    failed: (error: unknown) => void,
  ) {
    this.#key = key
    this.#known = known
    this.#judge = judge
    this.#next = next
    this.#resolve = resolve
    this.failed = failed
  }

  fresh(value: unknown): void {
    this.#resolve(this.#next({ value, found: value }))
  }

  found([found, ...held]: unknown[]): void {
    this.#resolve(chain(this.#judge(this.#key, this.#known.tags, found, held), this.#next))
  }
}

/** Passes on to an asker the result or the error of an attempt. */
export function tell(asker: Asker, attempt: () => Awaitable<unknown>): void {
  new Promise((resolve) => resolve(attempt())).then(
    (value) => asker.found(value),
    (error) => asker.failed(error),
  )
}
