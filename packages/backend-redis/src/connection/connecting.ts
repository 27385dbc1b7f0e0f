import type { Cluster, Redis } from 'ioredis'

/** Waits until a client can be used. Rejects as soon as its attempt to connect has failed. */
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
    // A client that finds no Sentinel goes on looking, and emits no `close`.
    const onError = () => client.status === 'connecting' && onClose()
    client.on('error', onError)
    client.once('ready', onReady)
    client.once('close', onClose)
    client.once('end', onClose)
    if (client.status === 'wait' || client.status === 'end') client.connect().catch(onClose)
  })
}

/**
 * Reconnects a client of Sentinels that has given up. ioredis does so if it hears of a new master while it is asking a
 * Sentinel for the old one: it mistakes the end of that request for a call of `disconnect`.
 */
export function revive(client: Redis | Cluster): void {
  const isOfSentinels = 'sentinels' in client.options && client.options.sentinels
  if (client.status === 'end' && isOfSentinels) (client as Redis).connect().catch(() => {})
}

/**
 * Finds out why a server cannot be reached: ioredis does not say why its own connections to Sentinels and nodes fail. Resolves
 * to the message of the error, or to `undefined` if the connection succeeds.
 *
 * @param scout A client for this test only, which is closed afterwards.
 */
export function whyUnreachable(scout: Redis): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  // The first error is the reason. ioredis writes those that nobody listens to on the console.
  scout.on('error', ({ message }) => resolve(message))
  scout.connect().then(
    () => resolve(undefined),
    ({ message }) => resolve(message),
  )
  return promise.finally(() => scout.disconnect())
}
