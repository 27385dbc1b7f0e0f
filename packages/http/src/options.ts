import { type Cache, checkKnown, checkThat, checkType, isOptions, isPending, parseTtl } from '@cashews/core'

const RESPONSES = [
  'ttl',
  'tags',
  'statuses',
  'maxBytes',
  'staleWhileRevalidate',
  'staleIfError',
  'varyBy',
  'ignoreCookies',
  'ignoreQuery',
  'public',
  'storeSetCookie',
  'revalidate',
  'prefix',
  'name',
  'debug',
  'wildcard',
]
const STEERING = ['honorRequestDirectives', 'recompute', 'client']
const CONTROL = [...STEERING, 'public', 'cacheStatus', 'serverTiming']
const HONORED: readonly unknown[] = ['all', 'reduce-only', 'none']

type Options = Readonly<Record<string, unknown>>

/** @throws {ConfigurationError} When the options of a cached route cannot work. */
export function checkResponseOptions(given: object): void {
  const options = given as Options
  checkKnown('A cached route', options, [...RESPONSES, ...STEERING])
  const { maxBytes = 0, statuses = [], tags = [] } = options
  checkThat(
    Number.isSafeInteger(maxBytes) && (maxBytes as number) >= 0,
    'maxBytes must be a number of bytes, such as 1_048_576',
    maxBytes,
  )
  checkThat(
    typeof statuses === 'function' || isListOf('number', statuses),
    'statuses must be a list such as [200, 404], or a function of a status',
    statuses,
  )
  checkThat(
    typeof tags === 'function' || isListOf('string', tags),
    'tags must be a list of names, or a function of request and reply',
    tags,
  )
  if (options.varyBy !== undefined) checkFunction('varyBy', options.varyBy)
  const { name, prefix } = options
  checkType('string', { name, prefix })
  const { public: isPublic, storeSetCookie, revalidate, debug, wildcard } = options
  checkType('boolean', { public: isPublic, storeSetCookie, revalidate, debug, wildcard })
  for (const name of ['ignoreCookies', 'ignoreQuery'])
    checkThat(
      options[name] === undefined || isListOf('string', options[name]),
      `${name} must be a list of globs`,
      options[name],
    )
  checkSteering(options)
}

/** @throws {ConfigurationError} When the options of `cacheControl` cannot work. */
export function checkControlOptions(given: object): void {
  const options = given as Options
  checkKnown('cacheControl', options, CONTROL)
  checkThat(
    options.public === undefined || typeof options.public === 'boolean' || isListOf('string', options.public),
    "public must be true, false, or a list of globs such as ['product:*']",
    options.public,
  )
  const { cacheStatus, serverTiming } = options
  checkType('boolean', { cacheStatus, serverTiming })
  checkSteering(options)
}

/** @throws {ConfigurationError} When the options of `clearSiteData` cannot work. */
export function checkClearOptions(given: object): void {
  checkKnown('clearSiteData', given as Options, ['allow'])
  const { allow } = given as Options
  if (allow !== undefined) checkFunction('allow', allow)
}

/** @throws {ConfigurationError} When the options of answers to errors cannot work. */
export function checkProblemOptions(what: string, given: object): void {
  checkKnown(what, given, ['policy', 'legacy'])
  const { policy, legacy } = given as Options
  checkType('string', { policy })
  checkType('boolean', { legacy })
}

/** @throws {ConfigurationError} When what should be a cache is none. */
export function checkCache(what: string, cache: Cache | undefined): void {
  checkThat(typeof cache?.detect === 'function', `${what} takes a cache, such as createCache()`, cache)
}

function checkSteering({ honorRequestDirectives, recompute, client }: Options): void {
  checkThat(
    honorRequestDirectives === undefined || HONORED.includes(honorRequestDirectives),
    `honorRequestDirectives must be one of ${HONORED.join(', ')}`,
    honorRequestDirectives,
  )
  if (client !== undefined) checkFunction('client', client)
  if (recompute === undefined) return
  checkThat(isOptions(recompute), "recompute must be an object such as { limit: 60, period: '1m' }", recompute)
  const { limit, period } = recompute as { readonly limit?: unknown; readonly period?: never }
  checkThat(
    Number.isSafeInteger(limit) && (limit as number) >= 0,
    "recompute takes a whole number as its limit, as in { limit: 60, period: '1m' }",
    limit,
  )
  parseTtl(period as never, 'recompute.period')
}

/** @throws {ConfigurationError} When what should be a function is none. */
export function checkFunction(name: string, value: unknown): void {
  checkThat(typeof value === 'function', `${name} must be a function of a request`, value)
}

/**
 * Refuses what a function of the application returns, such as a promise, and says what it should.
 *
 * @throws {ConfigurationError} When it is not right.
 */
export function checkReturned(isRight: boolean, rule: string, returned: unknown): void {
  if (isPending(returned)) returned.then(undefined, () => {}) // It is refused whether or not it fails.
  checkThat(isRight, `${rule}, and no promise`, returned)
}

/**
 * The name of a user or client as text; `undefined` when it is not known.
 *
 * @throws {ConfigurationError} When it could be the same for several.
 */
export function nameFrom(option: string, returned: unknown): string | undefined {
  if (returned === undefined || returned === null) return undefined
  const isText = ['string', 'number', 'bigint'].includes(typeof returned)
  checkReturned(isText, `${option} returns text, a number or undefined`, returned)
  return String(returned)
}

/** Whether something is a list of one type. */
export function isListOf(type: string, value: unknown): boolean {
  return Array.isArray(value) && value.every((member) => typeof member === type)
}
