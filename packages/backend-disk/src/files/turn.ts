/** Kept from before fake timers can replace it. */
const { setImmediate } = globalThis

/** Yields to timers and I/O. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
