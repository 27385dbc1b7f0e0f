import { CommandError } from '@cashews/core'

/** A longer name is replaced by its hash. */
const MAX_LENGTH = 512

/** The most tags one key may have. */
const MOST_TAGS = 1_000

/** Up to so many names are compared with each other: a `Set` costs more. */
const FEW = 8

const HASHED = '#sha256:'

/**
 * What stores call a tag: its name, or the hash of a long one. A name that looks like such a hash is hashed too, so that
 * no two names are the same to a store.
 *
 * @throws {CommandError} When it is no text, empty, or not well-formed.
 */
export function storedName(name: string): string {
  if (typeof name !== 'string' || name === '')
    throw new CommandError(`A tag is a text of at least one character, not ${inspected(name)}.`)
  if (!name.isWellFormed()) throw new CommandError(`A tag is well-formed text, not ${JSON.stringify(name)}.`)
  if (name.length <= MAX_LENGTH && !name.startsWith(HASHED)) return name
  return HASHED + process.getBuiltinModule('node:crypto').hash('sha256', name)
}

/**
 * What stores call the tags of a key, each once; `undefined` when there are none.
 *
 * @throws {CommandError} When there are too many.
 */
export function storedNames(names: readonly string[], key: string): readonly string[] | undefined {
  const stored: string[] = []
  for (const name of names.length > FEW ? new Set(names) : names) {
    const tag = storedName(name)
    if (names.length > FEW || !stored.includes(tag)) stored.push(tag)
  }
  if (stored.length > MOST_TAGS)
    throw new CommandError(`A key has at most ${MOST_TAGS} tags, and "${key}" was given ${stored.length}.`)
  return stored.length > 0 ? stored : undefined
}

/** @throws {CommandError} When the tags of a key are no list. */
export function checkList(names: readonly string[], key: string): void {
  if (!Array.isArray(names))
    throw new CommandError(`The tags of "${key}" are a list of names, such as ['users'], not ${inspected(names)}.`)
}

function inspected(given: unknown): string {
  return typeof given === 'string' || Array.isArray(given) ? JSON.stringify(given) : String(given)
}
