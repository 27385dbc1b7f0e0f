import { launch } from '@cashews/core'
import type { Behaviour } from './wrap.ts'

/**
 * Lets a caller go when its signal aborts, where every call runs the function for itself. That run goes on, and hears by
 * `loadSignal()` that nobody waits for it any more.
 */
export function leaving(call: Behaviour['call']): Behaviour['call'] {
  return (spot, self, args, signal) =>
    launch({ key: spot.key, self, args, signal }, () => call(spot, self, args, signal)).wait(signal)
}
