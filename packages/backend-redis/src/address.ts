import { ConfigurationError } from '@cashews/core'
import type { Address } from './settings.ts'

/** A host and a port, whatever way they were given. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** Holds a port, a URL or a space; an address of IPv6 holds more than one colon. */
const NO_HOST = /^[^:]*:[^:]*$|[/\s]/

/**
 * @param shown The address as messages may show it.
 * @throws {ConfigurationError} On an address without a host, or with a port that is none.
 */
export function parseAddress(
  address: Address,
  defaultPort: number,
  shown: string = JSON.stringify(address),
): HostAndPort {
  const [, inBrackets, plain, portText] =
    typeof address === 'string' ? (/^(?:\[([^\]]+)\]|([^:]*))(?::(.*))?$/.exec(address) ?? []) : []
  const host = typeof address === 'string' ? (inBrackets ?? plain) : address?.host
  const port = typeof address === 'string' ? Number(portText ?? defaultPort) : (address?.port ?? defaultPort)
  const isHost = typeof host === 'string' && host !== '' && !NO_HOST.test(host)
  if (isHost && Number.isInteger(port) && port > 0 && port < 65_536) return { host, port }
  throw new ConfigurationError(`${shown} is no address. Write 'host:port', or { host, port }.`)
}
