import type { Milliseconds } from '@cashews/core'
import type { Redis } from 'ioredis'

/** How long a server may be silent before its connection is taken for dead. */
const SILENCE: Milliseconds = 200

/** How long the handshake on a new connection may take. */
export const HANDSHAKE: Milliseconds = 1_000

/**
 * Acts after a while, unless what was waited for has come: it is looked for once more, because a process that was busy
 * itself runs its timers before it reads what has arrived. Answers how to stop.
 */
export function later(timeout: Milliseconds, act: () => unknown): () => void {
  let isOver = false
  const timer = setTimeout(() => setImmediate(() => isOver || act()), timeout)
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

/** Asks a server for a sign of life. A connection that gives none is `renew`ed; one that still shakes hands has longer. */
export async function signOfLife(client: Redis, message: string, renew: () => void): Promise<string> {
  const stop = later(client.status === 'ready' ? SILENCE : HANDSHAKE, renew)
  try {
    return await client.ping(message)
  } finally {
    stop()
  }
}
