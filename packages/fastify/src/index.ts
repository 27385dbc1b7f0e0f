export { cacheControlTtl, type SiteData } from '@cashews/http'
export {
  type CashewsApp,
  type CashewsOptions,
  type CashewsRequest,
  cashews,
  cashews as default,
} from './fastify-plugin.ts'
