/** Why a value was computed although a strategy might have had it. */
export type Reason = 'miss' | 'stale' | 'used up' | 'refresh' | 'invalidated'

/** The outcome of one read-through, for `detect` and for the strategies around it. */
export interface Outcome {
  /** Whether the answer came from the cache. */
  hit: boolean
  /** Whether the answer is older than the strategy wants it to be. */
  stale: boolean | undefined
  /** Why the value was computed. Meaningless for a {@link hit}. */
  reason: Reason | undefined
  /** Whether a strategy inside the load answered from the cache. */
  hitInside: boolean | undefined
}

let staleAnswers = false

/** To be called before a strategy answers stale values: loads then pass that on to the loads around them. */
export function mayAnswerStale(): void {
  staleAnswers = true
}

/** Whether any strategy of this process may answer stale values. */
export function tellsStale(): boolean {
  return staleAnswers
}
