import type { Duplex } from 'node:stream'

/**
 * Collects what is written to a socket until the end of this turn of the event loop, and then sends it in one write. A
 * separate write for each command, which is a system call, would cost more than everything else that is done for it.
 */
export function gatherWrites(socket: Duplex): void {
  if (socket.writableCorked > 0) return
  socket.cork()
  process.nextTick(uncork, socket)
}

function uncork(socket: Duplex): void {
  socket.uncork()
}
