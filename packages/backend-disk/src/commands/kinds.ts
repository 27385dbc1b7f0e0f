import { type Milliseconds, WrongTypeError } from '@cashews/core'
import type { ShardFile } from '../files/shard-file.ts'
import { type Entry, endOf, KIND, type Kind } from '../values/entry.ts'

const NOUNS: Readonly<Record<Kind, string>> = {
  [KIND.value]: 'value',
  [KIND.large]: 'value',
  [KIND.set]: 'set',
  [KIND.bits]: 'bits',
  [KIND.window]: 'window',
}

/**
 * Returns an entry if it is of this kind, or absent.
 *
 * @throws {WrongTypeError} When it is of another kind.
 */
export function ofKind(key: string, entry: Entry | undefined, kind: Kind): Entry | undefined {
  if (entry !== undefined && entry.kind !== kind) throw new WrongTypeError(`Key "${key}" holds no ${NOUNS[kind]}.`)
  return entry
}

export function isValue(entry: Entry | undefined): boolean {
  return entry?.kind === KIND.value || entry?.kind === KIND.large
}

/** The expiry of an entry that exists; otherwise the end of a lifetime that begins now. */
export function keptEnd(file: ShardFile, entry: Entry | undefined, lifetime: Milliseconds): Milliseconds | null {
  return entry === undefined ? endOf(lifetime, file.now()) : entry.expiresAt
}
