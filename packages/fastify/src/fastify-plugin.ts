import { type Cache, ConfigurationError, type Detections } from '@cashews/core'
import { type CacheResponseOptions, clearSiteDataField, type SiteData } from '@cashews/http'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { reportEarlierRoutes } from './earlier-routes.ts'
import { answerErrors } from './error-answers.ts'
import type { CashewsOptions } from './options.ts'
import { RouteRules } from './route-rules.ts'

/** The cache of an application, as `app.cashews`. */
export interface CashewsApp {
  /** The cache the plugin was registered with. */
  readonly cache: Cache
  /**
   * Deletes the stored responses of a URL such as `https://shop.example/products?page=1`, in all variants. Resolves to
   * whether there were any.
   */
  forget(url: string): Promise<boolean>
}

/** The cache of one request, as `request.cashews`. */
export interface CashewsRequest {
  /** What the cached functions of this request have done so far, with `cacheControl` or on a cached route. */
  detected(): Detections
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly cashews: CashewsApp
  }
  interface FastifyRequest {
    readonly cashews: CashewsRequest
  }
  interface FastifyReply {
    /** Makes the browser clear its data of this site (W3C Clear Site Data). Requires the option `clearSiteData`. */
    clearSiteData(...data: readonly SiteData[]): FastifyReply
  }
  interface FastifyContextConfig {
    /** Stores the responses of this GET route, and answers from there. The route must be added after the plugin. */
    readonly cashews?: CacheResponseOptions<FastifyRequest>
  }
}

const plugin: FastifyPluginAsync<CashewsOptions> = async (app, options) => {
  if (app.hasDecorator('cashews'))
    throw new ConfigurationError(
      '@cashews/fastify is already registered on this instance or a parent, and applies to all children. Register it once, or on sibling instances.',
    )
  const rules = new RouteRules(app, options)
  app.decorate('cashews', { cache: options.cache, forget: (url) => rules.forget(url) })
  app.decorateRequest('cashews', {
    getter(this: FastifyRequest): CashewsRequest {
      return { detected: () => rules.detected(this) }
    },
  })
  if (options.clearSiteData)
    app.decorateReply('clearSiteData', function (this: FastifyReply, ...data: readonly SiteData[]) {
      return this.header('clear-site-data', clearSiteDataField(...data))
    })
  app.addHook('onRoute', (route) => rules.attach(route))
  reportEarlierRoutes(app, options.cache, rules)
  const { errors = false } = options
  if (errors !== false) answerErrors(app, errors === true ? {} : errors)
}

/**
 * HTTP caching for the routes that are added after it, on its instance and those below.
 *
 * ```ts ignore: the app is yours
 * await app.register(cashews, { cache, etag: true, cacheControl: true, clearSiteData: true })
 * app.get('/products', { config: { cashews: { ttl: '1m' } } }, handler)
 * ```
 */
export const cashews: FastifyPluginAsync<CashewsOptions> = fp(plugin, { fastify: '5.x', name: '@cashews/fastify' })
