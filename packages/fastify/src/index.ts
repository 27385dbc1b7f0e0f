export {
  type CacheControlOptions,
  type CacheControlTtl,
  type CacheControlTtlOptions,
  type CacheResponseOptions,
  type ClearSiteDataOptions,
  cacheControlTtl,
  type ProblemOptions,
  type SiteData,
} from '@cashews/http'
export {
  type CashewsApp,
  type CashewsRequest,
  cashews,
  cashews as default,
} from './fastify-plugin.ts'
export type { CashewsOptions } from './options.ts'
