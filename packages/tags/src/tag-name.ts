import { CommandError, kindOfOption } from '@cashews/core'

/** Longer names are replaced by their hash. */
const MAX_LENGTH = 512

/** The most tags one key may have. */
const MOST_TAGS = 1_000

/** Up to this many names are compared pairwise, which is cheaper than a `Set`. */
const FEW = 8

const HASHED = '#sha256:'

/**
 * The name of a tag in stores: a long name is replaced by its hash. A name that looks like such a hash is hashed too,
 * so that no two tags share a name.
 *
 * @throws {CommandError} When it is not a string, empty, or not well-formed.
 */
export function storedName(name: string): string {
  if (typeof name !== 'string' || name === '')
    throw new CommandError(`A tag must be text of at least one character, not ${kindOfOption(name)}.`)
  if (!name.isWellFormed()) throw new CommandError(`A tag must be well-formed text, not ${JSON.stringify(name)}.`)
  if (name.length <= MAX_LENGTH && !name.startsWith(HASHED)) return name
  return HASHED + process.getBuiltinModule('node:crypto').hash('sha256', name)
}

/**
 * The distinct names in stores of the tags of a key; `undefined` when there are none.
 *
 * @throws {CommandError} When there are more than 1,000, or a name is invalid.
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

/** @throws {CommandError} When the tags of a key are not an array. */
export function checkList(names: readonly string[], key: string): void {
  if (!Array.isArray(names))
    throw new CommandError(
      `The tags of "${key}" must be a list of names, such as ['users'], not ${kindOfOption(names)}.`,
    )
}
