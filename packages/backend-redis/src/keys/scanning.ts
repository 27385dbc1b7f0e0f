import {
  type Awaitable,
  BackendError,
  BackendUnavailableError,
  compileGlob,
  isPending,
  type Milliseconds,
} from '@cashews/core'
import { asBackendError } from '../connection/errors.ts'
import type { Link, Server } from '../connection/link.ts'
import { later } from '../connection/patience.ts'
import type { Keyspace } from './keyspace.ts'

/** How long a step of a scan may take at most, however long callers are willing to wait. */
const LONGEST_STEP: Milliseconds = 60_000

/** Where to scan, and how names in Redis map to keys. */
interface Place {
  readonly link: Link
  readonly keys: Keyspace
}

/** Does something with some of the keys that were found. */
type Act<T> = (keys: string[]) => Awaitable<T>

/**
 * Acts on batches of the keys of values that match a glob, and yields the answers; a key may come twice. If a server of a Cluster
 * does not answer, or `act` fails on keys of it, the rest of its keys is skipped: those of the others come first, and then it fails.
 */
export function scanKeys<T>({ link, keys }: Place, pattern: string, batchSize: number, act: Act<T>): AsyncGenerator<T> {
  const keysOf = matching(pattern, (name) => keys.keyOf(name))
  return scan(link, keys.scanPattern(pattern), batchSize, keysOf, act)
}

/** Does the same for keys that have a lease. */
export function scanLeases<T>(
  { link, keys }: Place,
  pattern: string,
  batchSize: number,
  act: Act<T>,
): AsyncGenerator<T> {
  const keysOf = matching(pattern, (name) => keys.keyOfLease(name))
  return scan(link, keys.leasePattern(pattern), batchSize, keysOf, act)
}

/**
 * Waits for one step of a scan as long as a caller waits for a single command. A whole scan may take far longer, but not because a
 * server is silent.
 */
function inTime<T>(link: Link, step: Awaitable<T>): Awaitable<T> {
  if (!isPending(step)) return step
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const timeout = Math.min(link.patience, LONGEST_STEP)
  const stop = later(timeout, () => {
    const Kind = link.isPartlyThere() ? BackendError : BackendUnavailableError
    const message = `Redis at ${link.address} did not answer a step of a scan within ${timeout} ms.`
    reject(new Kind(message, { isUndone: false }))
  })
  step.then(resolve, reject)
  return promise.finally(stop)
}

/** Maps names in Redis to the keys that match a glob. */
function matching(
  pattern: string,
  keyOf: (name: string) => string | undefined,
): (names: readonly Buffer[]) => string[] {
  const matches = compileGlob(pattern)
  return (names) =>
    names.map((name) => keyOf(String(name))).filter((key) => key !== undefined && matches(key)) as string[]
}

/** Scans all servers for names that match a pattern of Redis, those that join meanwhile too. */
async function* scan<T>(
  link: Link,
  match: string,
  batchSize: number,
  keysOf: (names: readonly Buffer[]) => string[],
  act: Act<T>,
): AsyncGenerator<T> {
  const asked = new Set<string>()
  const next = () => link.servers().find(({ id }) => !asked.has(id))
  let failure: unknown
  for (let server = next(); server !== undefined; server = next()) {
    asked.add(server.id)
    try {
      yield* scanServer(link, server, match, batchSize, keysOf, act)
    } catch (error) {
      failure ??= error
    }
  }
  if (asked.size === 0) throw new BackendUnavailableError(`Redis at ${link.address} is not connected.`)
  const gone = link.missing()
  if (gone !== undefined)
    failure ??= new BackendError(`Redis node ${gone} does not answer, and not all keys were found.`)
  if (failure === undefined) return
  const error = asBackendError(failure)
  throw link.isPartlyThere() ? new BackendError(error.message, { cause: failure }) : error
}

async function* scanServer<T>(
  link: Link,
  server: Server,
  match: string,
  batchSize: number,
  keysOf: (names: readonly Buffer[]) => string[],
  act: Act<T>,
): AsyncGenerator<T> {
  let cursor = '0'
  do {
    const page = link.sendTo(server, () => server.client.scanBuffer(cursor, 'MATCH', match, 'COUNT', batchSize))
    const [next, names] = await inTime(link, page)
    cursor = String(next)
    const keys = keysOf(names)
    if (keys.length > 0) yield await inTime(link, act(keys))
  } while (cursor !== '0')
}
