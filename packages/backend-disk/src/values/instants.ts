/** The bytes of a window: the instants of its events, oldest first. */
export function bytesOfInstants(instants: Iterable<number>): Buffer {
  return Buffer.from(Float64Array.from(instants).buffer)
}

/** The instants in the bytes of a window. */
export function instantsIn(bytes: Buffer): number[] {
  // A copy, because the bytes from SQLite need not be aligned to 8.
  return [...new Float64Array(Uint8Array.from(bytes).buffer)]
}
