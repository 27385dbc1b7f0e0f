declare module 'route-cache' {
  import type { RequestHandler } from 'express'

  /** What the bench uses of it; the package has no types of its own. */
  const routeCache: { cacheSeconds(seconds: number): RequestHandler }
  export default routeCache
}
