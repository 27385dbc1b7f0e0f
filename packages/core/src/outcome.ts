import { currentScope } from './scope.ts'

/** Why a value was computed although a strategy might have had it. */
export type Reason = 'miss' | 'stale' | 'used up' | 'refresh' | 'invalidated'

/** What comes of one read-through: told to `detect`, and to the strategies around it. */
export interface Outcome {
  /** Whether the answer came from the cache. */
  hit: boolean
  /** Whether the answer is older than the strategy wants it to be. */
  stale: boolean | undefined
  /** Why the value was computed. Absent: it was not. */
  reason: Reason | undefined
  /** How long ago the answer was stored, in seconds; absent where nothing tells. */
  age: number | undefined
  /** Whether a strategy inside the load answered from the cache. */
  hitInside: boolean | undefined
  /** Of the load around this one. */
  readonly around: Outcome | undefined
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

/** Marks an answer as stale, for the load it is part of and all loads around: nobody may store it as a fresh one. */
export function markStale(outcome: Outcome | undefined = currentScope()?.outcome): void {
  for (let at = outcome; at; at = at.around) at.stale = true
}

/** Marks an answer as one from the cache, and tells the loads around. */
export function markHit(outcome: Outcome): void {
  outcome.hit = true
  for (let at = outcome.around; at; at = at.around) at.hitInside = true
}
