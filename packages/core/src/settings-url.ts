import { ConfigurationError } from './errors.ts'
import { parseTtl } from './ttl.ts'

/** How the text of a URL option is read. */
export type OptionKind = 'text' | 'integer' | 'number' | 'boolean' | 'duration' | 'bytes'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
}

const READERS: Readonly<Record<OptionKind, (text: string) => unknown>> = {
  text: (text) => text,
  integer: (text) => (/^[+-]?\d+$/.test(text) ? Number(text) : undefined),
  number: (text) => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined),
  boolean: (text) =>
    ({ '1': true, true: true, yes: true, on: true, '0': false, false: false, no: false, off: false })[
      text.toLowerCase()
    ],
  duration: (text) => parseTtl(text),
  bytes: (text) => {
    const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? []
    const factor = UNITS[unit.toLowerCase()]
    return amount === undefined || factor === undefined ? undefined : Math.round(Number(amount) * factor)
  },
}

/**
 * Reads the options of a settings URL, such as `mem://?size=10000&check_interval=10`. Names may be written
 * `checkInterval` or `check_interval`; the last of several wins; durations come out in milliseconds.
 *
 * @throws {ConfigurationError} On an unknown option, naming the known ones, and on a value that cannot be read.
 */
export function optionsFromUrl<K extends string>(
  url: string,
  kinds: Readonly<Record<K, OptionKind>>,
): Partial<Record<K, unknown>> {
  const query = url.split('#', 1)[0]?.split(/\?(.*)/s)[1] ?? ''
  const options: Partial<Record<K, unknown>> = {}
  for (const [written, text] of new URLSearchParams(query)) {
    const name = camelCase(written)
    if (!Object.hasOwn(kinds, name)) throw unknownOption(written, url, Object.keys(kinds))
    options[name as K] = readOption(written, text, kinds[name as K])
  }
  return options
}

/** Says that an option does not exist, and which ones do. */
export function unknownOption(name: string, where: string, known: readonly string[]): ConfigurationError {
  return new ConfigurationError(`Unknown option "${name}" for ${redact(where)}. Known options: ${known.join(', ')}.`)
}

/** Shows a URL without its password and secrets. */
export function redact(url: string): string {
  return url
    .replace(/^([a-z][\w+.-]*:\/\/)[^/?#]*@/i, '$1***@')
    .replace(/([?&][^=&]*(?:pass|secret|key|token)[^=&]*=)[^&#]*/gi, '$1***')
}

/** Reads `check_interval` as `checkInterval`. */
export function camelCase(name: string): string {
  return name.replace(/[_-]([a-z])/gi, (_, letter: string) => letter.toUpperCase())
}

function readOption(name: string, text: string, kind: OptionKind): unknown {
  const value = READERS[kind](text)
  if (value === undefined) throw new ConfigurationError(`Option "${name}" is no ${kind}: "${text}".`)
  return value
}
