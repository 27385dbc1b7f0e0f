import type { Engine, Tally } from '@cashews/core'
import type { HttpRequest } from '../rules/request.ts'

/** Counts the requests of cached routes for metrics: by route, under a template such as `http:/products/:id`. */
export class ResponseTallies {
  readonly #engine: Engine
  readonly #prefix: string
  readonly #name: string | undefined
  /** The last route, remembered because most routes have a cache of their own. */
  #route: string | undefined
  #tally: Tally | undefined

  /** @param name Replaces the path of the routes. */
  constructor(engine: Engine, prefix: string, name: string | undefined) {
    this.#engine = engine
    this.#prefix = prefix
    this.#name = name
  }

  of({ route }: Pick<HttpRequest, 'route'>): Tally {
    if (this.#tally === undefined || route !== this.#route) {
      this.#route = route
      this.#tally = this.#engine.tally(`${this.#prefix}:${this.#name ?? route ?? '*'}`)
    }
    return this.#tally
  }
}
