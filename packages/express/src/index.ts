export { cacheControlTtl, clearSiteDataField, exchangeOf, forgetResponse } from '@cashews/http'
export {
  cacheControl,
  cacheErrors,
  cacheResponse,
  clearSiteData,
  type ExpressMiddleware,
  etag,
  invalidateResponses,
} from './express-middleware.ts'
