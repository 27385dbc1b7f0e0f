import type { Cache, Seen, Spot } from '@cashews/core'
import type { Behaviour } from './wrap.ts'

const RAN = { hit: false }

/** Tells `detect` of each call of a strategy that stores no result. */
export function detecting(cache: Cache, strategy: string, template: () => string, behaviour: Behaviour): Behaviour {
  const seen = (): Seen => ({ strategy, template: template() })
  const { refuse } = behaviour
  return {
    ...behaviour,
    ...(refuse && {
      refuse(spot: Spot, args: readonly unknown[]) {
        const refusal = refuse(spot, args)
        if (refusal !== undefined) cache.detected(spot.key, seen, RAN)
        return refusal
      },
    }),
    call(spot, self, args, signal) {
      cache.detected(spot.key, seen, RAN)
      return behaviour.call(spot, self, args, signal)
    },
  }
}
