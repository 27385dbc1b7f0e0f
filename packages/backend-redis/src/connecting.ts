import type { Cluster, Redis } from 'ioredis'

/** Waits until a client may be used; rejects as soon as its attempt to connect has failed. */
export function whenReady(client: Redis | Cluster): Promise<void> {
  if (client.status === 'ready') return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => () => {
      client.off('ready', onReady)
      client.off('close', onClose)
      client.off('end', onClose)
      client.off('error', onError)
      then()
    }
    const onReady = settle(resolve)
    const onClose = settle(() => reject(new Error('the connection was closed')))
    // A client of Sentinels that finds none goes on looking, and closes nothing.
    const onError = () => client.status === 'connecting' && onClose()
    client.on('error', onError)
    client.once('ready', onReady)
    client.once('close', onClose)
    client.once('end', onClose)
    if (client.status === 'wait' || client.status === 'end') client.connect().catch(onClose)
  })
}

/**
 * Connects a client of Sentinels again that has given up: ioredis does when it hears of a new master while it asks a Sentinel
 * for the old one, and takes its own end of that for ours.
 */
export function revive(client: Redis | Cluster): void {
  const isOfSentinels = 'sentinels' in client.options && client.options.sentinels
  if (client.status === 'end' && isOfSentinels) (client as Redis).connect().catch(() => {})
}

/**
 * What stops a connection, in its own words: ioredis makes the connections by which it asks Sentinels and nodes, and keeps to itself
 * why they fail. `undefined` when nothing does.
 *
 * @param scout A connection that nobody uses. It is ended.
 */
export function whyUnreachable(scout: Redis): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  scout.once('error', ({ message }) => resolve(message))
  scout.connect().then(
    () => resolve(undefined),
    ({ message }) => resolve(message),
  )
  return promise.finally(() => scout.disconnect())
}
