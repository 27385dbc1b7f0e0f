import type { Milliseconds } from '@cashews/core'
import type { Cluster, Redis } from 'ioredis'

/** How long commands under way may take to finish when a client is closed. */
const FAREWELL: Milliseconds = 500

/** States in which a client has nothing to end, or ends without a word. */
const IDLE: ReadonlySet<string> = new Set(['wait', 'reconnecting', 'close', 'end'])

/** Ends a client: politely where there is somebody to answer, and not forever. */
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
 * A client of Sentinels listens to them on connections of its own, and only this ends those. It has to come before the client has
 * ended: ioredis would wait for a connection to close that is closed, and keep the process alive for two seconds.
 */
function silence(client: Redis | Cluster): void {
  if (!client.isCluster) client.disconnect()
}
