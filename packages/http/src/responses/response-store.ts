import { randomUUID } from 'node:crypto'
import { type Awaitable, chain, type Engine, type Lease, MISS, type Milliseconds } from '@cashews/core'
import type { HttpRequest } from '../rules/request.ts'
import { variantOf } from '../rules/vary.ts'
import { isStored, isVariants, type StoredResponse, type Variants } from './stored-response.ts'

/** What a request asks for, and on whose behalf. */
export interface Wanted {
  readonly key: string
  readonly request: HttpRequest
  readonly identity: string | undefined
}

/** What is stored for a request. */
export interface Found {
  readonly stored: StoredResponse | undefined
  /** How the responses of this resource vary, if they are known to. */
  readonly variants: Variants | undefined
  /** The key, or what stands for it while the variant is unknown, that a load would fill. */
  readonly place: string
}

/** A response to be stored. */
export interface ToStore {
  readonly response: StoredResponse
  /** The request fields it varies by. */
  readonly names: readonly string[]
  readonly lifetime: Milliseconds
  readonly lease: Lease
  readonly tags: readonly string[] | undefined
}

/** How long it is remembered at least how a resource varies, in milliseconds: a day. */
const LONG = 86_400_000

/**
 * Where responses are stored. The response of a resource that does not vary is stored under its key. Otherwise the key
 * holds how it varies, and each variant has a key of its own, so that deleting the one key deletes them all.
 */
export class ResponseStore {
  readonly #engine: Engine
  readonly #isByIdentity: boolean

  /** @param isByIdentity Whether each user has responses of their own. */
  constructor(engine: Engine, isByIdentity: boolean) {
    this.#engine = engine
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

  /** The key whose lease a load takes: that of the variant, if it is known. */
  leaseKeyOf({ key }: Wanted, { variants, place }: Found): string {
    return variants ? place : key
  }

  /**
   * Stores a response, unless its resource or one of its tags was invalidated since the lease was taken.
   */
  async store(
    wanted: Wanted,
    { variants: known, place }: Found,
    { response, names, lifetime, lease, tags }: ToStore,
  ): Promise<void> {
    const { key } = wanted
    const isUniform = known === undefined && names.length === 0 && !this.#isByIdentity
    if (isUniform) await this.#engine.store(key, response, lifetime, lease, tags)
    // If the list was deleted since, its variants are out of reach anyway.
    else if (known && names.every((name) => known.names.includes(name)))
      await this.#engine.store(place, response, lifetime, lease, tags)
    else {
      const variants = variantsBy([...(known?.names ?? []), ...names])
      const long = Math.max(LONG, 2 * lifetime)
      // The lease is that of a variant, and would not tell whether the list was deleted since: the response is not stored.
      if (known) await this.#engine.call<'set'>({ command: 'set', key, value: variants, lifetime: long, exists: true })
      // Under its tags too: a tag that is deleted before the response is stored puts it out of reach.
      else if (await this.#engine.store(key, variants, long, lease, tags))
        await this.#add(placeOf(wanted, variants), response, lifetime, tags)
    }
  }

  async delete(key: string): Promise<boolean> {
    return this.#engine.call<'delete'>({ command: 'delete', key })
  }

  async #add(key: string, value: StoredResponse, lifetime: Milliseconds, tags?: readonly string[]): Promise<void> {
    await this.#engine.call<'set'>({
      command: 'set',
      key,
      value,
      lifetime,
      tags: this.#engine.tagsFor(key, tags),
    })
  }

  #read(key: string): Awaitable<unknown> {
    const now = this.#engine.getNow(key)
    return now === MISS ? this.#engine.call<'get'>({ command: 'get', key }) : now
  }
}

function variantsBy(names: readonly string[]): Variants {
  return { kind: 'variants', names: [...new Set(names)].sort(), id: randomUUID() }
}

function placeOf({ key, request, identity }: Wanted, { names, id }: Variants): string {
  return `${key} ${id} ${variantOf(names, request.fields, identity)}`
}
