/**
 * Gives memory back at once, if it is that of these bytes alone: nobody may use them any more. Left to the collection of
 * garbage, a few large values would halt the whole program again and again.
 */
export function free({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}
