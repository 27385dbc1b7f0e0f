import { MISS, type Milliseconds } from '../backend.ts'
import type { Route } from '../routing/route.ts'
import { areMet, checkMayLoad, type Terms } from '../scope/terms.ts'
import type { Detection } from '../watching/detect.ts'

/**
 * Returns what is stored if it meets the terms, and `MISS` otherwise.
 *
 * @param longest The longest time it is stored for, in milliseconds: its age follows from that.
 * @throws {NotStoredError} Instead of `MISS`, where the terms allow stored answers only.
 */
export async function meetingTerms(
  route: Route,
  key: string,
  stored: unknown,
  longest: Milliseconds | undefined,
  terms: Terms,
): Promise<unknown> {
  const found = await stored
  if (found !== MISS && areMet(terms, await agesOf(route, key, longest))) return found
  checkMayLoad(key)
  return MISS
}

/**
 * How old a stored value is and how much longer it is kept, in seconds. Empty if the store cannot tell.
 *
 * @param longest The longest time it is stored for, in milliseconds. Without it, the age is unknown.
 */
export async function agesOf(
  route: Route,
  key: string,
  longest: Milliseconds = Number.POSITIVE_INFINITY,
): Promise<Pick<Detection, 'age' | 'left'>> {
  try {
    const left = await route.dispatch<'getExpire'>({ command: 'getExpire', key })
    if (left === MISS) return {}
    const age = Math.max(0, longest - (left as Milliseconds)) / 1_000
    return { left: (left as Milliseconds) / 1_000, age: longest < Number.POSITIVE_INFINITY ? age : undefined }
  } catch {
    return {} // Only for information: the read itself has succeeded.
  }
}
