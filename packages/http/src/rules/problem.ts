import { checkProblemOptions } from '../options.ts'
import { quoted } from './field.ts'

/** A response that tells a client why its request was refused. */
export interface Problem {
  /** The status code. */
  readonly status: number
  /** The header fields. */
  readonly fields: Readonly<Record<string, string>>
  /** `application/problem+json` (RFC 9457). */
  readonly body: Readonly<Record<string, unknown>>
}

/** Settings of {@link problemOf}. */
export interface ProblemOptions {
  /** What the `RateLimit` fields call the policy. @default 'default' */
  readonly policy?: string | undefined
  /** Whether to send the older `X-RateLimit-*` fields too. @default false */
  readonly legacy?: boolean | undefined
}

interface Refusal {
  readonly code?: unknown
  readonly limit: number
  readonly remaining: number
  readonly retryAfter: number
  readonly resetAt: Date
}

/**
 * Converts an error of this framework to a response: 429 with `RateLimit` fields
 * (draft-ietf-httpapi-ratelimit-headers) and `Retry-After` for a `RateLimitError`, 503 with `Retry-After` for a
 * `CircuitBreakerOpen`, 504 for a `NotStoredError`; `undefined` for any other error.
 */
export function problemOf(error: unknown, options: ProblemOptions = {}): Problem | undefined {
  checkProblemOptions('problemOf', options)
  const { policy = 'default', legacy = false } = options
  const refusal = (error ?? {}) as Refusal
  switch (refusal.code) {
    case 'CASHEWS_RATE_LIMIT':
      return tooMany(refusal, policy, legacy)
    case 'CASHEWS_CIRCUIT_BREAKER_OPEN':
      return problem(503, 'Service Unavailable', { 'retry-after': seconds(refusal.retryAfter) })
    case 'CASHEWS_NOT_STORED':
      return problem(504, 'Gateway Timeout', {})
    default:
      return undefined
  }
}

function tooMany({ limit, remaining, retryAfter, resetAt }: Refusal, policy: string, legacy: boolean): Problem {
  const wait = seconds(retryAfter)
  const fields = {
    'retry-after': wait,
    'ratelimit-policy': `${quoted(policy)};q=${limit}`,
    ratelimit: `${quoted(policy)};r=${remaining};t=${wait}`,
    ...(legacy && {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': String(Math.ceil(resetAt.getTime() / 1_000)),
    }),
  }
  return problem(429, 'Too Many Requests', fields, {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    'violated-policies': [policy],
  })
}

function problem(status: number, title: string, fields: Record<string, string>, more: object = {}): Problem {
  const header = { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...fields }
  return { status, fields: header, body: { ...more, title, status } }
}

function seconds(wait: number): string {
  return String(Math.max(0, Math.ceil(wait)))
}
