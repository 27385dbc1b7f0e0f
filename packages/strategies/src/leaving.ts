import { launch } from '@cashews/core'
import type { Behaviour } from './wrap.ts'

/**
 * Lets a caller go when his signal aborts, where nobody shares his run: it goes on, and `loadSignal()` inside tells it that
 * nobody waits for it any more.
 */
export function leaving(call: Behaviour['call']): Behaviour['call'] {
  return (spot, self, args, signal) =>
    launch({ key: spot.key, self, args, signal }, () => call(spot, self, args, signal)).wait(signal)
}
