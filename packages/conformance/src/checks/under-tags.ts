import type { Backend, Tags } from '@cashews/core'
import { FOREVER, same } from '../assertions.ts'
import type { Check, CheckContext, Feature } from '../check.ts'

/** A check of keys that are under tags. */
export const check = (title: string, run: Check['run'], ...needs: readonly Feature[]): Check => ({
  title,
  needs: ['tags', ...needs],
  run,
})

/** The tags of a backend that has some. */
export function tagsOf({ tags }: Backend): Tags {
  if (!tags) throw new Error('The backend has no tags.')
  return tags
}

/** Writes a key under tags, forever. */
export async function put(
  { backend }: CheckContext,
  key: string,
  value: unknown,
  ...tags: readonly string[]
): Promise<void> {
  same(await tagsOf(backend).set(key, value, FOREVER, tags), true)
}
