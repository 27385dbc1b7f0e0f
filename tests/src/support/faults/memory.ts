import { gc } from '../collected.ts'
import { round } from './report.ts'

/** The memory that this process uses and could not free, in megabytes. */
export function usedMemory(): number {
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return round((heapUsed + external) / 1024 ** 2)
}
