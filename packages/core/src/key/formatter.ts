import { checkThat } from '../basics/options.ts'
import { hash } from './limit.ts'
import { isMap } from './path.ts'
import { registerRenderer, render } from './render.ts'

/** Converts a value, with arguments from the template: `{name:prefix(4)}`. */
type Format<V = never> = (value: V, ...args: string[]) => unknown

/** Registers formatters for templates. Register one before a template that uses it is defined. */
export interface Formatter {
  /**
   * Adds a formatter: after `formatter.register('prefix', (value: string, chars = '3') => …)` a template may say
   * `{name:prefix(4)}`. Its result is rendered as an argument is. It has to be pure.
   */
  register(name: string, format: Format): void
  /**
   * Tells how instances of a class are rendered, subclasses included:
   * `formatter.registerType(Decimal, (value) => value.toFixed(2))` gives `#Decimal(10.00)`.
   */
  registerType<T>(type: abstract new (...args: never[]) => T, renderer: (value: T) => unknown): void
}

/** Names of properties that are not data. */
export const FORBIDDEN: RegExp = /^(__proto__|constructor|prototype|)$/

const HASHES = ['md5', 'sha1', 'sha256', 'sha512']

const formats = new Map<string, Format<unknown>>([
  ['lower', (value) => (typeof value === 'string' ? value.toLowerCase() : value)],
  ['upper', (value) => (typeof value === 'string' ? value.toUpperCase() : value)],
  ['len', lengthOf],
  ['get', get],
  ['json', (value) => JSON.stringify(value)],
  ['hash', (value, algorithm = 'sha256') => hash(algorithm, render(value, 'key'))],
  ['jwt', claimOf],
])

/** The formatters and renderings of types of this process. */
export const formatter: Formatter = {
  register(name, format) {
    checkThat(
      typeof name === 'string' && /^(?!raw$)\w+$/.test(name),
      'The name of a formatter must be a word other than raw',
      name,
    )
    checkThat(typeof format === 'function', `The formatter "${name}" must be a function`, format)
    formats.set(name, format as Format<unknown>)
  },
  registerType(type, renderer) {
    checkThat(
      typeof type === 'function' && !!type.prototype,
      'The first argument of registerType must be a class',
      type,
    )
    checkThat(typeof renderer === 'function', `The renderer of ${type.name} must be a function`, renderer)
    registerRenderer(type.prototype, renderer)
  },
}

/** Applies a formatter by its name. */
export function format(name: string, value: unknown, args: readonly string[]): unknown {
  return formats.get(name)?.(value, ...args)
}

/** The valid alternatives to a formatter or its argument; `undefined` when it is valid. */
export function validFormatters(name: string, argument: string | undefined): string | undefined {
  if (!formats.has(name)) return `Formatters: ${[...formats.keys(), 'raw'].join(', ')}.`
  if (name === 'hash' && !HASHES.includes(argument ?? 'md5')) return `Hashes: ${HASHES.join(', ')}.`
  return (name === 'get' || name === 'jwt') && FORBIDDEN.test(argument ?? '') ? `Write ${name}(property).` : undefined
}

function lengthOf(value: unknown): unknown {
  const { length, size = length } = Object(value) as { length?: unknown; size?: unknown }
  if (typeof size === 'number') return size
  throw new Error('It has no length.')
}

function get(value: unknown, name = ''): unknown {
  return isMap(value) ? value.get(name) : (value as Record<string, unknown> | null | undefined)?.[name]
}

function claimOf(token: unknown, claim?: string): unknown {
  let value: unknown
  try {
    value = get(JSON.parse(Buffer.from(`${token}`.split('.')[1] ?? '', 'base64url').toString()), claim)
  } catch {} // the parser's own message would quote the token
  if (value === undefined) throw new Error(`The token has no claim "${claim}".`)
  return value
}
