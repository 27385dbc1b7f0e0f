import { type Cache, createCache } from './cache.ts'

/** A cache for applications that need only one. Set it up before its first command. */
export const cache: Cache = /* @__PURE__ */ createCache({ name: 'default' })
