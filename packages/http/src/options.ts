import { type Cache, checkKnown, checkThat, checkType, parseTtl } from '@cashews/core'

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

/** Checks the options of a cached route. @throws {ConfigurationError} When the options of a cached route cannot work. */
export function checkResponseOptions(given: object): void {
  const options = given as Options
  checkNames('A cached route', options, [...RESPONSES, ...STEERING])
  const { maxBytes = 0, statuses = [], tags = [] } = options
  checkThat(
    Number.isSafeInteger(maxBytes) && (maxBytes as number) >= 0,
    `maxBytes is a number of bytes, such as 1_048_576, not ${told(maxBytes)}.`,
  )
  checkThat(
    typeof statuses === 'function' || isListOf('number', statuses),
    `statuses is a list such as [200, 404], or a function of a status, not ${told(statuses)}.`,
  )
  checkThat(
    typeof tags === 'function' || isListOf('string', tags),
    `tags is a list of names, or a function of request and reply, not ${told(tags)}.`,
  )
  if (options.varyBy !== undefined) checkFunction('varyBy', options.varyBy)
  checkThat(
    typeof (options.name ?? '') === 'string',
    `name is what metrics call the responses, such as 'products', not ${told(options.name)}.`,
  )
  const { public: isPublic, storeSetCookie, revalidate, debug, wildcard } = options
  checkType('boolean', { public: isPublic, storeSetCookie, revalidate, debug, wildcard })
  for (const name of ['ignoreCookies', 'ignoreQuery'])
    checkThat(isListOf('string', options[name] ?? []), `${name} is a list of globs, not ${told(options[name])}.`)
  checkSteering(options)
}

/** Checks the options of `cacheControl`. @throws {ConfigurationError} When the options of `cacheControl` cannot work. */
export function checkControlOptions(given: object): void {
  const options = given as Options
  checkNames('cacheControl', options, CONTROL)
  checkThat(
    typeof (options.public ?? false) === 'boolean' || isListOf('string', options.public),
    `public is true, false, or a list of globs such as ['product:*'], not ${told(options.public)}.`,
  )
  const { cacheStatus, serverTiming } = options
  checkType('boolean', { cacheStatus, serverTiming })
  checkSteering(options)
}

/** Checks the options of `clearSiteData`. @throws {ConfigurationError} When the options of `clearSiteData` cannot work. */
export function checkClearOptions(given: object): void {
  checkNames('clearSiteData', given as Options, ['allow'])
  const { allow } = given as Options
  if (allow !== undefined) checkFunction('allow', allow)
}

/** Checks the options of answers to errors. @throws {ConfigurationError} When the options of answers to errors cannot work. */
export function checkProblemOptions(what: string, given: object): void {
  checkNames(what, given, ['policy', 'legacy'])
}

/** Checks that a cache was given. @throws {ConfigurationError} When what should be a cache is none. */
export function checkCache(what: string, cache: Cache | undefined): void {
  checkThat(typeof cache?.detect === 'function', `${what} takes a cache, such as createCache(), not ${told(cache)}.`)
}

/** Checks that options were given, and only known ones. @throws {ConfigurationError} When there are no options, or one that is not known. */
export function checkNames(what: string, options: object, known: readonly string[]): void {
  checkThat(
    typeof options === 'object' && options !== null,
    `${what} takes an object of options, not ${told(options)}.`,
  )
  checkKnown(what, options, known)
}

function checkSteering({ honorRequestDirectives, recompute, client }: Options): void {
  checkThat(
    honorRequestDirectives === undefined || HONORED.includes(honorRequestDirectives),
    `honorRequestDirectives is ${HONORED.join(', ')}; not ${told(honorRequestDirectives)}.`,
  )
  if (client !== undefined) checkFunction('client', client)
  if (recompute === undefined) return
  const { limit, period } = recompute as { readonly limit?: unknown; readonly period?: never }
  checkThat(
    Number.isSafeInteger(limit) && (limit as number) >= 0,
    `recompute takes a whole number as its limit, as in { limit: 60, period: '1m' }, not ${told(limit)}.`,
  )
  parseTtl(period as never)
}

/** @throws {ConfigurationError} When what should be a function is none. */
export function checkFunction(name: string, value: unknown): void {
  checkThat(typeof value === 'function', `${name} is a function of a request, not ${told(value)}.`)
}

function isListOf(type: string, value: unknown): boolean {
  return Array.isArray(value) && value.every((member) => typeof member === type)
}

function told(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : typeof value === 'object' ? JSON.stringify(value) : String(value)
}
