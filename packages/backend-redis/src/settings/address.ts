import { ConfigurationError, isOptions, kindOfOption, redact } from '@cashews/core'
import type { Address } from './settings.ts'

/** The default port of a server, and of a Sentinel. */
export const PORT = 6379
export const SENTINEL_PORT = 26_379

/** A host and a port, however they were given. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** Text that contains a port, a URL or a space. An IPv6 address contains more than one colon. */
const NO_HOST = /^[^:]*:[^:]*$|[/\s]/

/**
 * @param shown The address as it may appear in messages.
 * @throws {ConfigurationError} When the address has no host, or its port is not a valid one.
 */
export function parseAddress(address: Address, defaultPort: number, shown: string = shownAs(address)): HostAndPort {
  const { host, port = defaultPort } = isOptions(address) ? address : partsOf(address)
  const isHost = typeof host === 'string' && host !== '' && !NO_HOST.test(host)
  if (isHost && isPort(port)) return { host, port }
  throw new ConfigurationError(`${shown} is not an address. Write 'host:port', or { host, port }.`)
}

/** Whether this is a number that a server can listen on. */
export function isPort(port: unknown): boolean {
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536
}

function partsOf(address: unknown): { readonly host?: string | undefined; readonly port?: number | undefined } {
  const parts = typeof address === 'string' ? /^(?:\[([^\]]+)\]|([^:]*))(?::(.*))?$/.exec(address) : undefined
  const [, inBrackets, plain, port] = parts ?? []
  return { host: inBrackets ?? plain, port: port === undefined ? port : Number(port) }
}

/** The address for messages: somebody who mistakes a URL for an address may have written a password in it. */
function shownAs(address: unknown): string {
  if (typeof address === 'string') return kindOfOption(redact(address))
  if (!isOptions(address)) return kindOfOption(address)
  const { host, port } = address as Readonly<Record<keyof HostAndPort, unknown>>
  return `{ host: ${shownAs(host)}, port: ${kindOfOption(port)} }`
}
