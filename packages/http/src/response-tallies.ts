import type { Cache, Tally } from '@cashews/core'
import type { HttpRequest } from './request.ts'

/** Where metrics count the requests of cached routes: by route, under the template `http:/products/:id`. */
export class ResponseTallies {
  readonly #cache: Cache
  readonly #prefix: string
  readonly #name: string | undefined
  /** The route last asked for: most have a cache of their own. */
  #route: string | undefined
  #tally: Tally | undefined

  /** @param name Stands for the routes. */
  constructor(cache: Cache, prefix: string, name: string | undefined) {
    this.#cache = cache
    this.#prefix = prefix
    this.#name = name
  }

  of({ route }: Pick<HttpRequest, 'route'>): Tally {
    if (this.#tally === undefined || route !== this.#route) {
      this.#route = route
      this.#tally = this.#cache.tally(`${this.#prefix}:${this.#name ?? route ?? '*'}`)
    }
    return this.#tally
  }
}
