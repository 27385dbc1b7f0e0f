import type { Cache, Seen } from '@cashews/core'
import type { Behaviour } from './wrap.ts'

const RAN = { hit: false }

/** Tells `detect` of each call of a strategy that stores no result. */
export function detecting(cache: Cache, strategy: string, template: () => string, behaviour: Behaviour): Behaviour {
  const seen = (): Seen => ({ strategy, template: template() })
  const { call, watched = call } = behaviour
  return {
    ...behaviour,
    watched(spot, self, args, signal) {
      cache.detected(spot.key, seen, RAN)
      return watched(spot, self, args, signal)
    },
  }
}
