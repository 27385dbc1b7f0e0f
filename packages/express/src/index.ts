export {
  type CacheControlOptions,
  type CacheControlTtl,
  type CacheControlTtlOptions,
  type CacheResponseOptions,
  type ClearSiteDataOptions,
  cacheControlTtl,
  clearSiteDataField,
  type Exchange,
  exchangeOf,
  forgetResponse,
  type ProblemOptions,
  type ResponseKeyOptions,
  type SiteData,
} from '@cashews/http'
export {
  cacheControl,
  cacheErrors,
  cacheResponse,
  clearSiteData,
  type ExpressMiddleware,
  etag,
  invalidateResponses,
} from './express-middleware.ts'
