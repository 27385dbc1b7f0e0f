/**
 * Frees the memory of a buffer at once, unless it is part of a larger one. The buffer must not be used afterwards. Left
 * to the garbage collector, a few large values would stop the whole program again and again.
 */
export function free({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}
