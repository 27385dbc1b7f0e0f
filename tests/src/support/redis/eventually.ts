import { setTimeout as wait } from 'node:timers/promises'

/** Resolves when something has come true; rejects when it has not after a while, in milliseconds. */
export async function eventually(isTrue: () => unknown, patience = 10_000): Promise<void> {
  const end = performance.now() + patience
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`This did not come true in ${patience} ms: ${isTrue}`)
    await wait(2)
  }
}
