import type { Awaitable, Door } from '@cashews/core'

/**
 * Asks the store about a key.
 *
 * @param matters Whether a failure is thrown although the route suppresses errors.
 */
export function ask<T>(
  door: Door,
  command: 'get' | 'getSize',
  key: string,
  perform: () => Awaitable<T>,
  matters?: boolean,
): Awaitable<T> {
  return door.ask({ command, key, backend: door.backend }, perform, matters)
}
