export { Exchange, type ExchangeOptions, type Handler } from './exchange.ts'
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
export { isRefresh, repetitionOf } from './responses/again.ts'
export { forgetResponse, resourceAt } from './responses/forget-response.ts'
export { ResponseCache } from './responses/response-cache.ts'
export type { ResponseCacheOptions } from './responses/response-options.ts'
export { sizeOfBody } from './responses/stored-response.ts'
export { type CacheControl, parseCacheControl, writeCacheControl } from './rules/cache-control.ts'
export { type CacheControlTtl, type CacheControlTtlOptions, cacheControlTtl } from './rules/cache-control-ttl.ts'
export { type CacheStatus, cacheStatus, type Forward } from './rules/cache-status.ts'
export { asksToClearCache, clearSiteDataField, type SiteData } from './rules/clear-site-data.ts'
export { isNotModified, notModifiedFields } from './rules/conditional.ts'
export type { CacheControlOptions } from './rules/control-options.ts'
export { type Body, entityTag, namesTag } from './rules/etag.ts'
export { type Field, type Fields, membersOf, type RequestFields } from './rules/field.ts'
export { explicitLifetime, initialAge } from './rules/freshness.ts'
export { httpDate, parseHttpDate } from './rules/http-date.ts'
export { type Problem, type ProblemOptions, problemOf } from './rules/problem.ts'
export { bringsContent, type HttpRequest, isSafe, type Reply, requestOf } from './rules/request.ts'
export { addVary, variantOf, varyingFields } from './rules/vary.ts'
export type { SteeringOptions } from './steering.ts'
