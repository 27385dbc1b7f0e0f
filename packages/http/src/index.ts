export { type CacheControl, parseCacheControl, writeCacheControl } from './cache-control.ts'
export { type CacheControlTtl, type CacheControlTtlOptions, cacheControlTtl } from './cache-control-ttl.ts'
export { type CacheStatus, cacheStatus, type Forward } from './cache-status.ts'
export { asksToClearCache, clearSiteDataField, type SiteData } from './clear-site-data.ts'
export { isNotModified, notModifiedFields } from './conditional.ts'
export type { CacheControlOptions } from './control-options.ts'
export { type Body, entityTag, namesTag } from './etag.ts'
export { Exchange, type ExchangeOptions, type Handler } from './exchange.ts'
export { type Field, type Fields, membersOf, type RequestFields } from './field.ts'
export { forgetResponse, resourceAt } from './forget-response.ts'
export { explicitLifetime, initialAge } from './freshness.ts'
export { httpDate, parseHttpDate } from './http-date.ts'
export {
  type CacheResponseOptions,
  type CachingListenerOptions,
  type ClearSiteDataOptions,
  cachingListener,
  exchangeOf,
  type Framework,
  type Middlewares,
  mayClear,
  middlewaresFor,
  type NodeMiddleware,
  type ResponseKeyOptions,
} from './middlewares.ts'
export { headerOf, onceClosed } from './node-response.ts'
export {
  checkCache,
  checkClearOptions,
  checkControlOptions,
  checkProblemOptions,
  checkResponseOptions,
} from './options.ts'
export { type Problem, type ProblemOptions, problemOf } from './problem.ts'
export { type HttpRequest, isSafe, type Reply, requestOf } from './request.ts'
export { ResponseCache } from './response-cache.ts'
export type { ResponseCacheOptions } from './response-options.ts'
export type { SteeringOptions } from './steering.ts'
export { sizeOfBody } from './stored-response.ts'
export { addVary, variantOf, varyingFields } from './vary.ts'
