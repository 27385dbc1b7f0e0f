import { checkString } from '../basics/arguments.ts'
import { fixedHead } from '../basics/glob.ts'
import { checkThat, kindOfOption } from '../basics/options.ts'
import type { Command, CommandResults, Request, StreamCommand } from '../command.ts'
import { NotConfiguredError } from '../errors.ts'
import type { Route } from './route.ts'

/** The routes of a cache. A key takes the one with the longest matching prefix. */
export class Routes {
  readonly #cache: string
  /** Longest prefix first. */
  all: readonly Route[] = []
  /** The route, if there is only one and it takes every key. */
  #only: Route | undefined

  constructor(cache: string) {
    this.#cache = cache
  }

  /** Adds a route. Returns the one that its keys took before. */
  add(route: Route): Route | undefined {
    const { prefix, origin } = route
    const before = this.#ownerOf(prefix)
    const others = this.all.filter((other) => other.prefix !== prefix)
    const twin = others.find((other) => other.origin === origin)
    checkThat(!twin, `This backend is set up for the prefix "${twin?.prefix}". Make another for "${prefix}".`)
    this.all = [...others, route].sort((a, b) => b.prefix.length - a.prefix.length)
    this.#only = prefix === '' && others.length === 0 ? route : undefined
    return before
  }

  /** The route that was set up for this prefix. */
  at(prefix: string): Route {
    const route = this.all.find((route) => route.prefix === prefix)
    if (route === undefined)
      throw new NotConfiguredError(
        `No backend is set up for the prefix ${kindOfOption(prefix)}. There are backends for ${this.#prefixes}.`,
      )
    return route
  }

  of(key: string): Route {
    return this.#only !== undefined && typeof key === 'string' ? this.#only : this.#find(key)
  }

  #find(key: string): Route {
    checkString('A key', key)
    const owner = this.#ownerOf(key)
    if (owner === undefined) throw this.#notConfigured(key)
    return owner
  }

  #ownerOf(key: string): Route | undefined {
    return this.all.find(({ prefix }) => key.startsWith(prefix))
  }

  /** Every route; there is at least one. */
  some(): readonly Route[] {
    if (this.all.length === 0) throw this.#notConfigured()
    return this.all
  }

  /** The routes that may have keys which match a glob. */
  matching(pattern: string): readonly Route[] {
    checkString('A pattern', pattern)
    const fixed = fixedHead(pattern)
    const owner = this.#ownerOf(fixed)
    const routes = this.all.filter((route) => route === owner || route.prefix.startsWith(fixed))
    if (routes.length === 0) throw this.#notConfigured(pattern)
    return routes
  }

  /** Groups the positions of keys by the routes that the keys take. */
  group(keys: readonly string[]): [route: Route, positions: number[]][] {
    return [...Map.groupBy(keys.keys(), (at) => this.of(keys[at] as string))]
  }

  get #prefixes(): string {
    return this.all.map((route) => `"${route.prefix}"`).join(', ')
  }

  #notConfigured(key?: string): NotConfiguredError {
    const prefixes = this.#prefixes
    return new NotConfiguredError(
      prefixes === ''
        ? `The cache "${this.#cache}" has no backend. Call setup() first, for example with memory() of @cashews/backend-memory.`
        : `The cache "${this.#cache}" has backends for keys that start with ${prefixes}, and none for "${key}". Set one up without a prefix.`,
    )
  }
}

/** Sends one operation to several backends, side by side. */
export function sendToAll<C extends Exclude<Command, StreamCommand>>(
  routes: readonly Route[],
  request: Request<C>,
): Promise<CommandResults[C][]> {
  return Promise.all(routes.map(async (route) => route.dispatch<C>({ ...request })))
}
