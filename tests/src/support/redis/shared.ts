import { inject } from 'vitest'

/** The server of this test run, for tests that use a namespace of their own. */
export function redisUrl(): string {
  return found(inject('redis'))
}

/** The addresses of the cluster of this test run, for tests that use a namespace of their own. */
export function redisCluster(): readonly string[] {
  return found(inject('redisCluster'))
}

function found<T>(place: { readonly at: T } | { readonly error: string }): T {
  if ('error' in place) throw new Error(place.error)
  return place.at
}
