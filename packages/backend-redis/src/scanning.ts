import { BackendUnavailableError } from '@cashews/core'
import { asBackendError } from './errors.ts'
import type { Link } from './link.ts'

/** Yields the names on all servers that match a pattern of Redis, some at a time; one may come twice. */
export async function* scanNames(link: Link, match: string, batchSize: number): AsyncGenerator<string[]> {
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
      if (names.length > 0) yield names.map(String)
    } while (cursor !== '0')
  }
}
