import type { Milliseconds } from '@cashews/core'
import type { Redis } from 'ioredis'

/** How long a server may be silent before its connection counts as dead. */
const SILENCE: Milliseconds = 200

/** How long the handshake on a new connection may take. */
export const HANDSHAKE: Milliseconds = 1_000

/**
 * Acts after a timeout, and after pending input was read once more: a process that was busy runs its timers before it reads
 * what has already arrived. Returns a function that cancels it.
 */
export function later(timeout: Milliseconds, act: () => unknown): () => void {
  let isOver = false
  const timer = setTimeout(() => setImmediate(() => isOver || act()), timeout)
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

/** Pings a server. Calls `renew` if it does not answer in time; during the handshake, it has longer. */
export async function signOfLife(client: Redis, message: string, renew: () => void): Promise<string> {
  const stop = later(client.status === 'ready' ? SILENCE : HANDSHAKE, renew)
  try {
    return await client.ping(message)
  } finally {
    stop()
  }
}
