import type { Backend } from '@cashews/core'
import { CrossSlotError } from '../errors.ts'

/** Which part keys are in, for a store that can change only keys of one part in one step. */
export class Placement {
  readonly #store: Backend
  /** Whether a transaction may change keys of several parts, one part after another. */
  readonly #allowsSeveral: boolean
  /** The part that all keys of the transaction have to be in. */
  #only: string | number | undefined

  constructor(store: Backend, allowsSeveral: boolean) {
    this.#store = store
    this.#allowsSeveral = allowsSeveral
  }

  /** The part that a key is in. */
  partOf(key: string): string | number {
    return this.#store.partOf?.(key) ?? 0
  }

  /** Groups keys by their part. */
  partsOf(keys: readonly string[]): readonly (readonly string[])[] {
    if (!this.#store.partOf || keys.length === 0) return [keys]
    return [...Map.groupBy(keys, (key) => this.partOf(key)).values()]
  }

  /** @throws {CrossSlotError} When one of the keys is in another part than those before. */
  stay(keys: readonly string[]): void {
    if (!this.#store.partOf || this.#allowsSeveral) return
    for (const key of keys) {
      const part = this.partOf(key)
      this.#only ??= part
      if (part !== this.#only) throw elsewhere(key)
    }
  }

  /** Forgets the keys before. */
  forget(): void {
    this.#only = undefined
  }
}

function elsewhere(key: string): CrossSlotError {
  return new CrossSlotError(
    `"${key}" is in another slot than the other keys of this transaction, so they cannot change in one step. Give them a hash tag, such as {user:1}:name, or set crossSlot: 'per-slot'.`,
  )
}
