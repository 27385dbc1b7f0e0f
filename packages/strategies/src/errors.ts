import { CashewsError } from '@cashews/core'

/**
 * A rejected promise that counts as listened to: V8 reports a rejection that nobody listens to yet, which costs more than
 * all the rest.
 */
export function rejected(error: unknown): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => undefined)
  reject(error)
  return promise
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

/** A call over the limit. Calls that are refused with the same key share one, until the limit is reset. */
export class RateLimitError extends CashewsError implements RateLimitFacts {
  static override readonly name = 'RateLimitError'
  readonly code = 'CASHEWS_RATE_LIMIT'
  readonly limit: number
  readonly remaining: number
  readonly resetAt: Date

  constructor(key: string, { limit, remaining, resetAt }: Omit<RateLimitFacts, 'retryAfter'>) {
    super(`"${key}" was called more than ${limit} times in its period. Try again at ${resetAt.toISOString()}.`)
    this.limit = limit
    this.remaining = remaining
    this.resetAt = resetAt
  }

  get retryAfter(): number {
    return secondsUntil(this.resetAt)
  }
}

/** How many seconds are left until then, rounded up. */
export function secondsUntil(instant: Date): number {
  return Math.max(0, Math.ceil((instant.getTime() - Date.now()) / 1_000))
}

/** A call that a circuit breaker does not let through. */
export class CircuitBreakerOpen extends CashewsError {
  static override readonly name = 'CircuitBreakerOpen'
  readonly code = 'CASHEWS_CIRCUIT_BREAKER_OPEN'
  /** In how many seconds a call may be let through again. */
  readonly retryAfter: number

  constructor(key: string, retryAfter: number) {
    super(`The circuit breaker "${key}" is open. Try again in ${retryAfter} s.`)
    this.retryAfter = retryAfter
  }
}
