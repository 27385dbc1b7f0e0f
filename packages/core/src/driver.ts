import type { Backend } from './backend.ts'
import { checkThat, kindOfOption } from './options.ts'

/** Makes backends from URLs. A backend factory, such as `memory`, is one: a function that also carries these. */
export interface Driver {
  /** The URL schemes it answers for, without the colon: `['mem']`. */
  readonly schemes: readonly string[]
  /** @param overrides Options by name; they win over those of the URL. */
  fromUrl(url: string, overrides?: Readonly<Record<string, unknown>>): Backend
}

/** @throws {ConfigurationError} When it is no list of drivers. */
export function checkDrivers(drivers: readonly unknown[]): void {
  checkThat(Array.isArray(drivers), `drivers is a list, as in [memory], not ${kindOfOption(drivers)}.`)
  for (const driver of drivers)
    checkThat(
      typeof driver?.fromUrl === 'function',
      `A driver is a factory of backends, such as memory, not ${kindOfOption(driver)}, nor what memory() makes.`,
    )
}
