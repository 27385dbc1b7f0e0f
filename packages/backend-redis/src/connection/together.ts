/** The most names in one command: with more, others wait for long, and Lua cannot pass them all on to a command. */
export const TOGETHER = 500

/** Splits the positions of names that can be in one command into as many groups as that takes. */
export function inParts(places: readonly number[]): number[][] {
  const parts: number[][] = []
  for (let from = 0; from < places.length; from += TOGETHER) parts.push(places.slice(from, from + TOGETHER))
  return parts
}
