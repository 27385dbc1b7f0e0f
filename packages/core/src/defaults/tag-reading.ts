import { type Awaitable, isPending } from '../awaitable.ts'
import type { Asker } from '../backend.ts'
import type { Known } from './tag-records.ts'
import type { TagAsker } from './tag-steps.ts'

/** What a reader sees of a key. */
export interface Reading {
  readonly value: unknown
  /** What the store holds. */
  readonly found: unknown
  /** The records that were read along, unless they were all as they had to be. */
  readonly known?: Known
}

/** Waits for a {@link Reading}. */
export interface ReadingAsker {
  found(reading: Awaitable<Reading>): void
  failed(error: unknown): void
}

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

/** Judges what was found under a key, and what is held for the tags that it was thought to have. */
export type ReadingOf = (
  key: string,
  tags: readonly string[],
  found: unknown,
  held: readonly unknown[],
  stale: boolean,
) => Awaitable<Reading>

/** Tells an asker what a store has read in one step. */
export class StepReading implements TagAsker {
  readonly #key: string
  readonly #tags: readonly string[]
  readonly #stale: boolean
  readonly #asker: ReadingAsker
  readonly #readingOf: ReadingOf

  constructor(key: string, tags: readonly string[], stale: boolean, asker: ReadingAsker, readingOf: ReadingOf) {
    this.#key = key
    this.#tags = tags
    this.#stale = stale
    this.#asker = asker
    this.#readingOf = readingOf
  }

  fresh(value: unknown): void {
    this.#asker.found({ value, found: value })
  }

  found([found, ...held]: unknown[]): void {
    this.#asker.found(this.#readingOf(this.#key, this.#tags, found, held, this.#stale))
  }

  failed(error: unknown): void {
    this.#asker.failed(error)
  }
}

/** Tells an asker the value of a reading. */
export class Valuing implements ReadingAsker {
  readonly #asker: Asker

  constructor(asker: Asker) {
    this.#asker = asker
  }

  found(reading: Awaitable<Reading>): void {
    if (isPending(reading)) tell(this.#asker, () => reading.then(({ value }) => value))
    else this.#asker.found(reading.value)
  }

  failed(error: unknown): void {
    this.#asker.failed(error)
  }
}

/** Tells an asker what comes of an attempt. */
export function tell(asker: Asker, attempt: () => Awaitable<unknown>): void {
  new Promise((resolve) => resolve(attempt())).then(
    (value) => asker.found(value),
    (error) => asker.failed(error),
  )
}
