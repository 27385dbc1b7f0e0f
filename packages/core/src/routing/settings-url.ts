import { checkKnown } from '../basics/options.ts'
import { ConfigurationError } from '../errors.ts'
import { parseTtl } from '../ttl.ts'

/** How the text of a URL option is read. */
export type OptionKind = keyof OptionValues

/** What is read. */
interface OptionValues {
  readonly text: string
  readonly integer: number
  readonly number: number
  readonly boolean: boolean
  readonly duration: number
  readonly bytes: number
}

/** What the text of a kind has to be. */
const NAMES: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  bytes: 'a size such as 64mb',
}
const SIZES = ['', 'k', 'm', 'g']
const YES = ['1', 'true', 'yes', 'on']
const NO = ['0', 'false', 'no', 'off']

const READERS: Readonly<Record<OptionKind, (text: string, name: string) => unknown>> = {
  text: (text) => text,
  integer: (text) => (/^[+-]?\d+$/.test(text) ? Number(text) : undefined),
  number: (text) => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined),
  boolean: (text) => (YES.includes(text) ? true : NO.includes(text) ? false : undefined),
  duration: parseTtl,
  bytes: (text) => {
    const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]?)b?$/.exec(text) ?? []
    return amount === undefined ? undefined : Math.round(Number(amount) * 1024 ** SIZES.indexOf(unit))
  },
}

/**
 * Reads the options of a settings URL, such as `mem://?size=10000&check_interval=10`. Names may be written
 * `checkInterval` or `check_interval`; the last of several wins; durations come out in milliseconds.
 *
 * @throws {ConfigurationError} On an unknown option, naming the known ones, and on a value that cannot be read.
 */
export function optionsFromUrl<K extends Readonly<Record<string, OptionKind>>>(
  url: string,
  kinds: K,
): { [N in keyof K]?: OptionValues[K[N]] } {
  const query = url.split('#', 1)[0]?.split(/\?(.*)/s)[1] ?? ''
  const options: Record<string, unknown> = {}
  for (const [written, text] of new URLSearchParams(query)) {
    const name = camelCase(written)
    checkKnown(redact(url), { [name]: text }, Object.keys(kinds))
    options[name] = readOption(written, text, kinds[name] as OptionKind, url)
  }
  return options as { [N in keyof K]?: OptionValues[K[N]] }
}

/** The options of a URL, and those given beside it, which win. One that is `undefined` leaves that of the URL. */
export function overridden(ofUrl: object, given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const left = Object.entries(ofUrl).filter(([name]) => given[name] === undefined)
  return { ...given, ...Object.fromEntries(left) }
}

/** Shows a URL without its password and secrets. */
export function redact(url: string): string {
  return (
    url
      // A password that is not percent-encoded may hold anything: all up to the last @ goes.
      .replace(/^([a-z][\w+.-]*:\/\/).*@/is, '$1***@')
      .replace(/([?&][^=&]*(?:pass|secret|key|token)[^=&]*=)[^&#]*/gi, '$1***')
  )
}

/** Reads `check_interval` as `checkInterval`. */
export function camelCase(name: string): string {
  return name.replace(/[_-]([a-z])/gi, (_, letter: string) => letter.toUpperCase())
}

function readOption(name: string, text: string, kind: OptionKind, url: string): unknown {
  const value = READERS[kind](kind === 'text' ? text : text.toLowerCase(), name)
  if (value !== undefined) return value
  throw new ConfigurationError(`${name} of ${redact(url)} must be ${NAMES[kind]}, not "${text}".`)
}
