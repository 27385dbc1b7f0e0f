import { CashewsError } from '@cashews/core'

/** Makes the error of a call that is turned away: an answer, whose stack nobody reads and costs ten times the decision. */
export function withoutStack<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** What a rate limit knows of a caller. */
export interface RateLimitFacts {
  /** How many calls are allowed in a period. */
  readonly limit: number
  /** How many are left now. */
  readonly remaining: number
  /** In how many seconds the next call can be allowed. */
  readonly retryAfter: number
  /** When that is. */
  readonly resetAt: Date
}

/** A call over the limit. */
export class RateLimitError extends CashewsError implements RateLimitFacts {
  readonly code = 'CASHEWS_RATE_LIMIT'
  readonly limit: number
  readonly remaining: number
  readonly retryAfter: number
  readonly resetAt: Date

  constructor(key: string, { limit, remaining, retryAfter, resetAt }: RateLimitFacts) {
    super(`"${key}" was called more than ${limit} times in its period. Try again in ${retryAfter} s.`)
    this.limit = limit
    this.remaining = remaining
    this.retryAfter = retryAfter
    this.resetAt = resetAt
  }
}

/** A call that a circuit breaker does not let through. */
export class CircuitBreakerOpen extends CashewsError {
  readonly code = 'CASHEWS_CIRCUIT_BREAKER_OPEN'
  /** In how many seconds a call may be let through again. */
  readonly retryAfter: number

  constructor(key: string, retryAfter: number) {
    super(`The circuit breaker "${key}" is open: too many calls failed. Try again in ${retryAfter} s.`)
    this.retryAfter = retryAfter
  }
}
