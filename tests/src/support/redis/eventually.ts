import { setTimeout as wait } from 'node:timers/promises'

/** Resolves when the condition holds; rejects when it does not hold within `patience` milliseconds. */
export async function eventually(isTrue: () => unknown, patience = 10_000): Promise<void> {
  const end = performance.now() + patience
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`This did not come true in ${patience} ms: ${isTrue}`)
    await wait(2)
  }
}
