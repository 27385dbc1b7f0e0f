import { type Awaitable, chain } from '../awaitable.ts'
import type { Asker } from '../backend.ts'
import type { KnownTags, TagAsker } from './tag-steps.ts'

/** What a reader sees of a key. */
export interface Reading {
  readonly value: unknown
  /** What the store holds. */
  readonly found: unknown
  /** What was read along under the keys of records, unless it was all as it had to be. */
  readonly held?: readonly unknown[]
}

/** Judges what was found under a key, and what is held for the tags that it was thought to have. */
export type Judge = (
  key: string,
  tags: readonly string[],
  found: unknown,
  held: readonly unknown[],
) => Awaitable<Reading>

/** Tells an asker what a reader sees of what the store holds. */
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

/** Tells an asker the value of what a store has read in one step. */
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

/** Goes on with what a reader sees of what a store has read in one step, and tells a promise what comes of it. */
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

/** Tells an asker what comes of an attempt. */
export function tell(asker: Asker, attempt: () => Awaitable<unknown>): void {
  new Promise((resolve) => resolve(attempt())).then(
    (value) => asker.found(value),
    (error) => asker.failed(error),
  )
}
