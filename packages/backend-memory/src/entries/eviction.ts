import { Recency } from './recency.ts'
import { Sieve } from './sieve.ts'

/** Which entry is evicted when there is no room. */
export type Eviction = 'lru' | 'sieve'

/** The class that keeps the entries in the order of each kind of eviction. */
export const EVICTION: Readonly<Record<Eviction, typeof Recency>> = { lru: Recency, sieve: Sieve }
