import { CommandError } from '../errors.ts'

/**
 * Refuses text with half a surrogate pair: every half becomes the same three bytes in UTF-8, so that a store of bytes
 * could not tell such texts apart.
 *
 * @throws {CommandError} Naming `what` it is.
 */
export function checkText(what: string, text: string): void {
  if (!text.isWellFormed())
    throw new CommandError(`The ${what} ${JSON.stringify(text)} has half of a surrogate pair: it cannot be stored.`)
}
