import type { Duplex } from 'node:stream'

/**
 * Holds back what is written to a socket until the end of this turn of the event loop: then it is one write. A write of
 * its own for each command, a system call, takes longer than all else that is done for it.
 */
export function gatherWrites(socket: Duplex): void {
  if (socket.writableCorked > 0) return
  socket.cork()
  process.nextTick(uncork, socket)
}

function uncork(socket: Duplex): void {
  socket.uncork()
}
