import { recover } from '../basics/awaitable.ts'
import { CacheClosedError } from '../errors.ts'
import { outsideTransaction } from '../scope/participation.ts'

/** Passes an error that no caller gets to `onError`, except for those of a cache that was closed meanwhile. */
export function reporting(onError: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    if (error instanceof CacheClosedError) return
    const hear = (): unknown => outsideTransaction(() => onError(error))
    recover(hear, (failure) => console.warn('[cashews] onError failed:', failure, 'for', error))
  }
}
