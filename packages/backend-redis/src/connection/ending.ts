import type { Milliseconds } from '@cashews/core'
import type { Cluster, Redis } from 'ioredis'

/** How long commands under way may take to finish when a client is closed. */
const FAREWELL: Milliseconds = 500

/** The states in which there is no connection to end politely. */
const IDLE: ReadonlySet<string> = new Set(['wait', 'reconnecting', 'close', 'end'])

/** Closes a client: with `QUIT` if it is connected, and by force if that takes too long. */
export async function end(client: Redis | Cluster): Promise<void> {
  if (IDLE.has(client.status)) return client.disconnect()
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const late = setTimeout(() => {
    client.disconnect()
    resolve()
  }, FAREWELL)
  client.once('end', resolve)
  if (client.status === 'ready')
    client.quit().then(
      () => silence(client),
      () => client.disconnect(),
    )
  else client.disconnect()
  await ended
  clearTimeout(late)
}

/**
 * Closes the connections on which a client of Sentinels listens to them, which nothing else does. This must happen before the
 * client itself has ended: later, ioredis would wait two seconds for a connection that is already closed.
 */
function silence(client: Redis | Cluster): void {
  if (!client.isCluster) client.disconnect()
}
