import { randomUUID } from 'node:crypto'
import { type Awaitable, type Cache, chain, isOvertakenUnder, type Lease, MISS, type Milliseconds } from '@cashews/core'
import type { HttpRequest } from './request.ts'
import { isStored, isVariants, type StoredResponse, type Variants } from './stored-response.ts'
import { variantOf } from './vary.ts'

/** Who asks for what. */
export interface Wanted {
  readonly key: string
  readonly request: HttpRequest
  readonly identity: string | undefined
}

/** What there is for a request. */
export interface Found {
  readonly stored: StoredResponse | undefined
  /** How the responses of this resource vary; absent when none is known to. */
  readonly variants: Variants | undefined
  /** Names the place that a load would fill. */
  readonly place: string
}

/** How long it is known how a resource varies: a day at least, in milliseconds. */
const LONG = 86_400_000

/**
 * Where responses are kept. That of a resource that does not vary stands at its key; otherwise there stands how it
 * varies, and the variants have keys of their own. To delete the one key is to delete them all.
 */
export class ResponseStore {
  readonly #cache: Cache
  readonly #isByIdentity: boolean

  /** @param isByIdentity Whether each who asks has responses of his own. */
  constructor(cache: Cache, isByIdentity: boolean) {
    this.#cache = cache
    this.#isByIdentity = isByIdentity
  }

  find(wanted: Wanted): Awaitable<Found> {
    const { key } = wanted
    return chain(this.#read(key), (value) => {
      if (!isVariants(value)) {
        const stored = isStored(value) && !this.#isByIdentity ? value : undefined
        return { stored, variants: undefined, place: this.#isByIdentity ? `${key} ${wanted.identity}` : key }
      }
      const place = placeOf(wanted, value)
      return chain(this.#read(place), (variant) => ({
        stored: isStored(variant) ? variant : undefined,
        variants: value,
        place,
      }))
    })
  }

  /** The key whose lease a load takes: of the place it will fill, if that is known. */
  leaseKeyOf({ key }: Wanted, { variants, place }: Found): string {
    return variants ? place : key
  }

  /**
   * Keeps a response for so many milliseconds, unless its resource or one of its tags was invalidated since the lease
   * was taken.
   */
  async store(
    wanted: Wanted,
    { variants: known, place }: Found,
    names: readonly string[],
    response: StoredResponse,
    lifetime: Milliseconds,
    lease: Lease,
    tags?: readonly string[],
  ): Promise<void> {
    const { key } = wanted
    const varies = names.length > 0 || this.#isByIdentity || known !== undefined
    if (!varies) await this.#cache.store(key, response, lifetime, lease, tags)
    // Whoever has deleted the list since has put its variants out of reach.
    else if (known && names.every((name) => known.names.includes(name)))
      await this.#cache.store(place, response, lifetime, lease, tags)
    else if (!isOvertakenUnder(lease, tags)) {
      const all = [...new Set([...(known?.names ?? []), ...names])].sort()
      const variants: Variants = { kind: 'variants', names: all, id: randomUUID() }
      const long = Math.max(LONG, 2 * lifetime)
      const isListed = known
        ? await this.#cache.call<'set'>({ command: 'set', key, value: variants, lifetime: long })
        : await this.#cache.store(key, variants, long, lease)
      if (isListed) await this.#add(placeOf(wanted, variants), response, lifetime, tags)
    }
  }

  delete(key: string): Promise<boolean> {
    return this.#cache.delete(key)
  }

  async #add(key: string, value: StoredResponse, lifetime: Milliseconds, tags?: readonly string[]): Promise<void> {
    await this.#cache.call<'set'>({ command: 'set', key, value, lifetime, tags: this.#cache.tagsFor(key, tags) })
  }

  #read(key: string): Awaitable<unknown> {
    const now = this.#cache.getNow(key)
    return now === MISS ? this.#cache.call<'get'>({ command: 'get', key }) : now
  }
}

function placeOf({ key, request, identity }: Wanted, { names, id }: Variants): string {
  return `${key} ${id} ${variantOf(names, request.fields, identity)}`
}
