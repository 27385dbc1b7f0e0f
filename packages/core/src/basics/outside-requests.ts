import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Begins what goes on after the call that needs it, such as a connection or a timer that sets itself again. It would keep what
 * the `AsyncLocalStorage`s of the app hold for this call, and what it reports would seem to come from its request.
 */
export const outsideRequests: <T>(begin: () => T) => T = /* @__PURE__ */ AsyncLocalStorage.snapshot()
