import type { Backend } from './backend.ts'
import { checkThat } from './basics/options.ts'

/** Makes backends from URLs. A backend factory, such as `memory`, is one: a function that also carries these. */
export interface Driver {
  /** The URL schemes that it handles, without the colon: `['mem']`. */
  readonly schemes: readonly string[]
  /** @param overrides Options by name. They take precedence over those of the URL, unless they are `undefined`. */
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): Backend
}

/** Checks the option `drivers`. @throws {ConfigurationError} When it is not a list of drivers. */
export function checkDrivers(drivers: readonly unknown[]): void {
  const fine = Array.isArray(drivers) && drivers.every((driver) => typeof driver?.fromUrl === 'function')
  checkThat(fine, 'drivers must be a list such as [memory]', drivers)
}
