import { BackendUnavailableError, compileGlob } from '@cashews/core'
import { asBackendError } from './errors.ts'
import type { Keyspace } from './keyspace.ts'
import type { Link } from './link.ts'

/** Where to look, and what names stand for. */
interface Place {
  readonly link: Link
  readonly keys: Keyspace
}

/** Yields the keys of values that match a glob, some at a time; one may come twice. */
export function scanKeys({ link, keys }: Place, pattern: string, batchSize: number): AsyncGenerator<string[]> {
  const keysOf = matching(pattern, (name) => keys.keyOf(name))
  return scan(link, keys.scanPattern(pattern), batchSize, keysOf)
}

/** The same for keys that have a lease. */
export function scanLeases({ link, keys }: Place, pattern: string, batchSize: number): AsyncGenerator<string[]> {
  const keysOf = matching(pattern, (name) => keys.keyOfLease(name))
  return scan(link, keys.leasePattern(pattern), batchSize, keysOf)
}

/** Makes of names the keys that match a glob. */
function matching(
  pattern: string,
  keyOf: (name: string) => string | undefined,
): (names: readonly Buffer[]) => string[] {
  const matches = compileGlob(pattern)
  return (names) =>
    names.map((name) => keyOf(String(name))).filter((key) => key !== undefined && matches(key)) as string[]
}

/** Yields the keys of all names, on all servers, that match a pattern of Redis. */
async function* scan(
  link: Link,
  match: string,
  batchSize: number,
  keysOf: (names: readonly Buffer[]) => string[],
): AsyncGenerator<string[]> {
  const servers = link.servers()
  if (servers.length === 0) throw new BackendUnavailableError(`Redis at ${link.address} is not connected.`)
  for (const { client } of servers) {
    let cursor = '0'
    do {
      const [next, names]: [Buffer, Buffer[]] = await client
        .scanBuffer(cursor, 'MATCH', match, 'COUNT', batchSize)
        .catch((error) => {
          throw asBackendError(error)
        })
      cursor = String(next)
      const keys = keysOf(names)
      if (keys.length > 0) yield keys
    } while (cursor !== '0')
  }
}
