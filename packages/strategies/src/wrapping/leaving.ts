import { launch } from '@cashews/core'
import type { Behaviour } from './wrap.ts'

/**
 * Makes a caller stop waiting when its signal aborts, for strategies that run the function for each call. The run
 * continues, and its `loadSignal()` tells that nothing waits for it any more.
 */
export function leaving(call: Behaviour['call']): Behaviour['call'] {
  return (spot, self, args, signal) =>
    launch({ key: spot.key, self, args, signal }, () => call(spot, self, args, signal)).wait(signal)
}
