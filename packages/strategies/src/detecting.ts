import type { Cache, Seen } from '@cashews/core'
import type { Behaviour } from './wrap.ts'

const RAN = { hit: false }

/** Tells `detect` of each call of a strategy that stores no result. */
export function detecting(cache: Cache, strategy: string, template: () => string, behaviour: Behaviour): Behaviour {
  const seen = (): Seen => ({ strategy, template: template() })
  return {
    ...behaviour,
    call(spot, self, args, signal) {
      cache.detected(spot.key, seen, RAN)
      return behaviour.call(spot, self, args, signal)
    },
  }
}
