import { CommandError } from './errors.ts'

/**
 * Refuses text that stores of bytes cannot tell from other text: half of a surrogate pair becomes the same three bytes
 * in UTF-8 whichever half it is.
 *
 * @throws {CommandError} Naming `what` it is.
 */
export function checkText(what: string, text: string): void {
  if (!text.isWellFormed())
    throw new CommandError(`The ${what} ${JSON.stringify(text)} has half of a surrogate pair: it cannot be stored.`)
}
