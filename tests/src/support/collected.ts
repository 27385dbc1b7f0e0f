import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects garbage. */
export const gc = runInNewContext('gc') as () => void

/** Whether an object can be garbage-collected. */
export async function isFreed(ref: WeakRef<object>): Promise<boolean> {
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    gc()
    if (ref.deref() === undefined) return true
  }
  return false
}
