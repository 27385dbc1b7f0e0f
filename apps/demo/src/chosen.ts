import type { Section } from './section.ts'

/** The sections that have one of these texts in their title, in the order of the demo; all of them for no text. */
export function chosen(contents: readonly Section[], texts: readonly string[]): readonly Section[] {
  const has = ({ title }: Section, text: string) => title.toLowerCase().includes(text.toLowerCase())
  for (const text of texts)
    if (!contents.some((section) => has(section, text))) {
      const titles = contents.map(({ title }) => title).join(', ')
      console.error(`error: No section has "${text}" in its title. There are: ${titles}.`)
      process.exit(1)
    }
  return texts.length ? contents.filter((section) => texts.some((text) => has(section, text))) : contents
}
