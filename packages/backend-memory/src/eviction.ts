import { Recency } from './recency.ts'
import { Sieve } from './sieve.ts'

/** Which entry goes when there is no room. */
export type Eviction = 'lru' | 'sieve'

/** How the entries are kept for it. */
export const EVICTION: Readonly<Record<Eviction, typeof Recency>> = { lru: Recency, sieve: Sieve }
