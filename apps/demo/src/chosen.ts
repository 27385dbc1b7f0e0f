import { ConfigurationError } from '@cashews/core'
import type { Section } from './section.ts'

/**
 * The sections with one of these texts in their title, in the order of the demo; all of them if there is no text.
 *
 * @throws {ConfigurationError} When a text is in no title.
 */
export function chosen(contents: readonly Section[], texts: readonly string[]): readonly Section[] {
  const has = ({ title }: Section, text: string) => title.toLowerCase().includes(text.toLowerCase())
  const stray = texts.find((text) => !contents.some((section) => has(section, text)))
  if (stray !== undefined) {
    const titles = contents.map(({ title }) => title).join(', ')
    throw new ConfigurationError(`No section has "${stray}" in its title. There are: ${titles}.`)
  }
  return texts.length ? contents.filter((section) => texts.some((text) => has(section, text))) : contents
}
