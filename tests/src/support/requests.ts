import { AsyncLocalStorage } from 'node:async_hooks'

/** What applications keep for the duration of a request, such as its id for their log. */
export const requests: AsyncLocalStorage<object> = new AsyncLocalStorage()

/** Runs a function as a request. Returns a reference that does not keep the request in memory. */
export async function request(run: () => Promise<unknown>): Promise<WeakRef<object>> {
  const made = { id: 'request' }
  await requests.run(made, run)
  return new WeakRef(made)
}
