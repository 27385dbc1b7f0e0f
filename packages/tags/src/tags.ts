import {
  type Backend,
  type Cache,
  ConfigurationError,
  checkKnown,
  checkThat,
  leasesOf,
  MISS,
  type Tagging,
  type TagStore,
  type TagsAhead,
  withTags,
} from '@cashews/core'
import { recordStore } from './record-store.ts'
import { compileRegistration, type Registration } from './registration.ts'
import { checkList, storedName, storedNames } from './tag-name.ts'

/** Settings of {@link createTags}. */
export interface TagsOptions {
  /**
   * Keeps the records of all tags, so that processes with stores of their own invalidate each other's values through a
   * store they share. Nothing else may use it.
   *
   * @default each backend keeps the records of its own values
   */
  readonly backend?: Backend | undefined
}

/** Groups of keys of one cache, invalidated by name. */
export interface CacheTags {
  /**
   * Invalidates every key with one of the tags, for all processes that share the store. Loads under way will not store
   * what they have read before. Takes the same time for any number of keys.
   *
   * @returns Whether every store did so; `false` when one was away, or `deleteTags` is disabled.
   * @throws {CommandError} When a tag is not a string, empty, or not well-formed.
   * @throws {BackendUnavailableError} With `suppress: false`, when a store is away.
   */
  delete(...tags: readonly string[]): Promise<boolean>

  /**
   * Invalidates the keys, but keeps their values as stale ones: `early` answers with them while it refreshes, `soft`
   * and `failover` when the function fails. For everything else they are deleted.
   *
   * @returns As for {@link delete}.
   */
  expire(...tags: readonly string[]): Promise<boolean>

  /**
   * Tags every key that matches a template whenever it is written. Values that are already stored stay untagged.
   *
   * @example tags.register('user:{id}', 'session:{id}:{device}')
   * @throws {KeyTemplateError} When a template cannot work.
   */
  register(tag: string, keyTemplate: string): void

  /**
   * Resolves to the tags of a key; empty when the key is absent. A tag of more than 512 characters appears as its hash.
   */
  of(key: string): Promise<readonly string[]>
}

/**
 * Enables tags on a cache. Called again, it returns the same object.
 *
 * @throws {ConfigurationError} When this is not a cache, an option is unknown or cannot work, or a backend is given for a
 *   cache that already has tags.
 *
 * @example
 * const tags = createTags(cache)
 * await cache.set('page:1', html, { ttl: '1h', tags: ['pages', 'author:7'] })
 * await tags.delete('author:7')
 */
export function createTags(cache: Cache, options: TagsOptions = {}): CacheTags {
  const { backend } = check(cache, options)
  if (cache.engine.tagging === undefined) cache.engine.useTags(new TagsOfCache(cache, backend))
  else if (backend !== undefined)
    throw new ConfigurationError(
      `The cache "${cache.name}" already has tags: pass the backend to the first createTags.`,
    )
  return cache.engine.tagging as TagsOfCache
}

function check(cache: Cache, options: TagsOptions): TagsOptions {
  checkThat(cache?.engine !== undefined, 'createTags takes a cache made by createCache()', cache)
  checkKnown('createTags', options, ['backend'])
  const { backend } = options
  const isBackend = backend === undefined || typeof backend?.open === 'function'
  checkThat(isBackend, "The backend for tags must be a backend, such as redis({ url: '…' })", backend)
  return options
}

class TagsOfCache implements CacheTags, Tagging {
  readonly #cache: Cache
  readonly #registered = new Map<string, Registration>()
  readonly records: TagStore | undefined
  readonly tie: Tagging['tie'] = (store) => {
    const tied = withTags(store, this.records)
    // Commands break the leases of the store, which other caches may use too; transactions take those of the tied one.
    leasesOf(tied, () => leasesOf(store))
    return tied
  }

  constructor(cache: Cache, backend: Backend | undefined) {
    this.#cache = cache
    this.records = backend && recordStore(backend, cache.engine)
  }

  delete(...tags: readonly string[]): Promise<boolean> {
    return this.#send('deleteTags', tags)
  }

  expire(...tags: readonly string[]): Promise<boolean> {
    return this.#send('expireTags', tags)
  }

  register(tag: string, keyTemplate: string): void {
    storedName(tag)
    const registration = compileRegistration(tag, keyTemplate)
    this.#registered.set(JSON.stringify([tag, keyTemplate]), registration)
  }

  async of(key: string): Promise<readonly string[]> {
    const tags = await this.#cache.engine.call<'getTags'>({ command: 'getTags', key })
    return tags === MISS ? [] : (tags as readonly string[])
  }

  forKey(key: string, given: readonly string[] | undefined): readonly string[] | undefined {
    if (given !== undefined) checkList(given, key)
    if (this.#registered.size === 0) return given && storedNames(given, key)
    const registered = [...this.#registered.values()].map((tagOf) => tagOf(key)).filter((tag) => tag !== undefined)
    return storedNames(given ? given.concat(registered) : registered, key)
  }

  group<E extends readonly [key: string, value: unknown]>(
    entries: readonly E[],
    given: readonly string[] | undefined,
  ): Iterable<readonly [tags: readonly string[] | undefined, entries: readonly E[]]> {
    const groups = new Map<string, readonly [readonly string[] | undefined, E[]]>()
    for (const entry of entries) {
      const tags = this.forKey(entry[0], given)
      const name = JSON.stringify(tags)
      const group = groups.get(name)
      if (group) group[1].push(entry)
      else groups.set(name, [tags, [entry]])
    }
    return groups.values()
  }

  ahead(key: string, given: TagsAhead | undefined): TagsAhead | undefined {
    return given === 'any' ? given : this.forKey(key, given)
  }

  async #send(command: 'deleteTags' | 'expireTags', names: readonly string[]): Promise<boolean> {
    const tags = [...new Set(names)].map(storedName)
    if (tags.length === 0) return true
    const answers = await this.#cache.engine.callAll({ command, tags })
    return answers.every(Boolean)
  }
}
