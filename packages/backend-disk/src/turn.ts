/** Kept from before anybody can fake it. */
const { setImmediate } = globalThis

/** Lets timers and I/O have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
