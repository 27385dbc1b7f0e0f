import { getOrMake } from './get-or-make.ts'

/** Remembers what was made of a text. All is forgotten when it is too much: what is asked for often comes back soon. */
export function remembering<T>(most: number, make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) =>
    getOrMake(known, text, () => {
      if (known.size >= most) known.clear()
      return make(text)
    })
}
