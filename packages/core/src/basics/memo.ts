import { getOrMake } from './get-or-make.ts'

/** Caches what `make` returns for a text. When the cache is full it is emptied: what is used often is soon back. */
export function remembering<T>(most: number, make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) =>
    getOrMake(known, text, () => {
      if (known.size >= most) known.clear()
      return make(text)
    })
}
