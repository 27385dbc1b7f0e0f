import type { Cache, Seen } from '@cashews/core'
import type { Behaviour } from './wrap.ts'

/** Tells `detect` of each call of a strategy that stores no result. */
export function detecting(cache: Cache, strategy: string, template: () => string, behaviour: Behaviour): Behaviour {
  const seen = (): Seen => ({ strategy, template: template() })
  return {
    ...behaviour,
    call(key, self, args, signal) {
      cache.detected(key, seen, { hit: false })
      return behaviour.call(key, self, args, signal)
    },
  }
}
