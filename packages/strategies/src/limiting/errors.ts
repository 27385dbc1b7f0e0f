import { CashewsError } from '@cashews/core'

/**
 * A rejected promise that counts as handled from the start: reporting it as unhandled, as V8 does at first, costs more
 * than everything else.
 */
export function rejected(error: unknown): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => undefined)
  reject(error)
  return promise
}

/** The state of a rate limit. */
export interface RateLimitFacts {
  /** How many calls are allowed in a period. */
  readonly limit: number
  /** How many are left now. */
  readonly remaining: number
  /** Seconds until the next call can be allowed. */
  readonly retryAfter: number
  /** When that is. */
  readonly resetAt: Date
}

/** A call was over the limit. Refused calls of a key share one error until the limit is reset. */
export class RateLimitError extends CashewsError implements RateLimitFacts {
  static override readonly name = 'RateLimitError'
  readonly code = 'CASHEWS_RATE_LIMIT'
  /** How many calls are allowed in a period. */
  readonly limit: number
  /** How many are left now: 0. */
  readonly remaining: number
  /** When the next call can be allowed. */
  readonly resetAt: Date

  constructor(key: string, { limit, remaining, resetAt }: Omit<RateLimitFacts, 'retryAfter'>) {
    super(`"${key}" was called more than ${limit} times in its period. Try again at ${resetAt.toISOString()}.`)
    this.limit = limit
    this.remaining = remaining
    this.resetAt = resetAt
  }

  /** Seconds until then, rounded up; as for `Retry-After` (RFC 9110 §10.2.3). */
  get retryAfter(): number {
    return secondsUntil(this.resetAt)
  }
}

/** The seconds left until then, rounded up. */
export function secondsUntil(instant: Date): number {
  return Math.max(0, Math.ceil((instant.getTime() - Date.now()) / 1_000))
}

/** A circuit breaker did not let a call through. */
export class CircuitBreakerOpen extends CashewsError {
  static override readonly name = 'CircuitBreakerOpen'
  readonly code = 'CASHEWS_CIRCUIT_BREAKER_OPEN'
  /** Seconds until a call may go through again. */
  readonly retryAfter: number

  constructor(key: string, retryAfter: number) {
    super(`The circuit "${key}" is open for ${retryAfter} s.`)
    this.retryAfter = retryAfter
  }
}
