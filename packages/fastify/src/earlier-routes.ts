import { type Cache, ConfigurationError } from '@cashews/core'
import type { FastifyInstance } from 'fastify'
import type { RouteRules } from './route-rules.ts'

/**
 * Reports, at its first request, a route whose `config.cashews` has no effect because it was added before the plugin
 * was loaded: Fastify does not tell plugins of such routes. Adds no hook if there are none.
 */
export function reportEarlierRoutes(app: FastifyInstance, cache: Cache, rules: RouteRules): void {
  if (app.printRoutes() === NO_ROUTES) return
  app.addHook('onRequest', ({ routeOptions: { config, method, url } }, _reply, done) => {
    if (config.cashews && rules.isNew(config.cashews))
      cache.engine.report(
        new ConfigurationError(
          `config.cashews of ${method} ${url} does nothing: the route was added before @cashews/fastify was loaded. Write "await app.register(cashews, …)" before it.`,
        ),
      )
    done()
  })
}

const NO_ROUTES = '(empty tree)'
