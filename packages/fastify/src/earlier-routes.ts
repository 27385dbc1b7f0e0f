import { type Cache, ConfigurationError } from '@cashews/core'
import type { FastifyInstance } from 'fastify'
import type { RouteRules } from './route-rules.ts'

/**
 * Reports a route whose `config.cashews` does nothing because it was added before the plugin was loaded, at its first
 * request: Fastify tells no plugin of such routes. Where there are none, no hook is added.
 */
export function reportEarlierRoutes(app: FastifyInstance, cache: Cache, rules: RouteRules): void {
  if (app.printRoutes() === NO_ROUTES) return
  app.addHook('onRequest', ({ routeOptions: { config, method, url } }, _reply, done) => {
    if (config.cashews && rules.isNew(config.cashews))
      cache.report(
        new ConfigurationError(
          `config.cashews of ${method} ${url} does nothing: the route was added before @cashews/fastify was loaded. Write "await app.register(cashews, …)" before it.`,
        ),
      )
    done()
  })
}

const NO_ROUTES = '(empty tree)'
