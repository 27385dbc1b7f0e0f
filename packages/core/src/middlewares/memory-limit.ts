import { checkKnown, checkRange } from '../basics/options.ts'
import type { Middleware } from '../middleware.ts'
import { sizeOf } from '../values/size-of.ts'

/** Settings of {@link memoryLimit}. */
export interface MemoryLimitOptions {
  /** Smaller values are not stored, in bytes. @default 0 */
  readonly min?: number | undefined
  /** Larger values are not stored, in bytes. @default Infinity */
  readonly max?: number | undefined
}

/**
 * Keeps values out of the store that are too small to be worth it, or so large that one would push out a thousand.
 * A `set` of such a value answers `false`; a `setMany` writes the others. Sizes are those of {@link sizeOf}.
 */
export function memoryLimit(options: MemoryLimitOptions): Middleware {
  checkKnown('memoryLimit', options, ['min', 'max'])
  const { min = 0, max = Number.POSITIVE_INFINITY } = options
  checkRange({ min }, 0)
  checkRange({ max }, min)
  const fits = (value: unknown): boolean => {
    const size = sizeOf(value)
    return size >= min && size <= max
  }
  return (call, next) => {
    if (call.command === 'set') return fits(call.value) ? next(call) : false
    if (call.command !== 'setMany') return next(call)
    const entries = call.entries.filter(([, value]) => fits(value))
    return entries.length > 0 ? next({ ...call, entries }) : undefined
  }
}
