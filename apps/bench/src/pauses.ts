import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'

/** The longest pause of the event loop during some work, in milliseconds, without the time that other processes took. */
export async function worstPause(work: () => Promise<unknown>): Promise<number> {
  let worst = 0
  let isDone = false
  const watch = async () => {
    for (let last = performance.now() - waitedForProcessor(); !isDone; ) {
      await setImmediate()
      const now = performance.now() - waitedForProcessor()
      worst = Math.max(worst, now - last)
      last = now
    }
  }
  const watching = watch()
  await work()
  isDone = true
  await watching
  return worst
}

/** How long this thread has waited for a processor, in milliseconds; 0 where Linux does not count it. */
function waitedForProcessor(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
