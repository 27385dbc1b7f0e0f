/** Random numbers from 0 to 1, the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Picks items by Zipf's law: the nth item 1/n as often as the first. */
export function zipf<T>(items: readonly T[], random: () => number): () => T {
  let total = 0
  const upTo = items.map((_, at) => (total += 1 / (at + 1)))
  return () => {
    const drawn = random() * total
    return items[upTo.findIndex((bound) => drawn < bound)] as T
  }
}
