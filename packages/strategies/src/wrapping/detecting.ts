import type { Cache, Seen } from '@cashews/core'
import type { Behaviour } from './wrap.ts'

/** Tells `detect` of each call of a strategy that stores no result. */
export function detecting(cache: Cache, seen: () => Seen, call: Behaviour['call']): Behaviour['call'] {
  return (spot, self, args, signal) => {
    cache.engine.detected(spot.key, seen, { hit: false })
    return call(spot, self, args, signal)
  }
}
