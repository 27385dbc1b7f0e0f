/** Why a value was computed although a strategy might have had it. */
export type Reason = 'miss' | 'stale' | 'used up' | 'refresh' | 'invalidated'

/** What comes of one read-through: told to `detect`, and to the strategies around it. */
export interface Outcome {
  /** Whether the answer came from the cache. */
  hit: boolean
  /** Whether the answer is older than the strategy wants it to be. */
  stale: boolean | undefined
  /** Why the value was to be computed. Of no meaning for a {@link hit}. */
  reason: Reason | undefined
  /** How long ago the answer was stored, in seconds; absent where nothing tells. */
  age: number | undefined
  /** Whether a strategy inside the load answered from the cache. */
  hitInside: boolean | undefined
}

let staleAnswers = false

/** Says that a strategy of this process may answer stale values, so that loads have to tell those around them. */
export function mayAnswerStale(): void {
  staleAnswers = true
}

/** Whether loads have to tell those around them that an answer was stale. */
export function tellsStale(): boolean {
  return staleAnswers
}
