import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { round } from './report.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** The memory that this process uses and could not free, in megabytes. */
export function usedMemory(): number {
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return round((heapUsed + external) / 1024 ** 2)
}
