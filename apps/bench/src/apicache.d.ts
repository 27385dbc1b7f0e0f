declare module 'apicache' {
  import type { RequestHandler } from 'express'

  /** What the bench uses of it; the package has no types of its own. */
  const apicache: { middleware(duration: string): RequestHandler; clear(): void }
  export default apicache
}
