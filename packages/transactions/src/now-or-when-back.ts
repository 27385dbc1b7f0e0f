import { BackendError, type Milliseconds } from '@cashews/core'

const FIRST_PAUSE: Milliseconds = 50
const LONGEST_PAUSE: Milliseconds = 1_000

/**
 * Does something that needs a store. If the store is away, it resolves at once, and tries again in the background.
 *
 * @param patience How long to try at most, in milliseconds.
 */
export async function nowOrWhenBack(act: () => Promise<void>, patience: Milliseconds): Promise<void> {
  const end = performance.now() + patience
  const attempt = async (pause: Milliseconds): Promise<void> => {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof BackendError)) throw error
      if (performance.now() + pause > end) return
      const again = () => attempt(Math.min(2 * pause, LONGEST_PAUSE)).catch(() => {})
      setTimeout(again, pause).unref()
    }
  }
  return attempt(FIRST_PAUSE)
}
