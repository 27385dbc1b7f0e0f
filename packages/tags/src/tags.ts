import {
  type Backend,
  type Cache,
  ConfigurationError,
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
   * Keeps the records of the tags, so that a store which several processes share decides about values that each keeps for
   * itself. Nothing else may use it. @default each backend keeps the records of its own values
   */
  readonly backend?: Backend
}

/** Groups of keys of one cache, invalidated by name. */
export interface CacheTags {
  /**
   * Makes every key absent that is under one of the tags, for every process that shares the store, and lets no load that
   * is under way store what it read before. It takes the same time however many keys there are.
   *
   * @returns Whether every store did; `false` when one was away, or `deleteTags` is disabled.
   * @throws {BackendUnavailableError} With `suppress: false`, when a store is away.
   */
  delete(...tags: readonly string[]): Promise<boolean>

  /**
   * Makes the keys absent, but keeps their values as stale ones: `early` answers them while it refreshes, `soft` and
   * `failover` answer them when the function fails. For everybody else they are as good as deleted.
   *
   * @returns As {@link delete}.
   */
  expire(...tags: readonly string[]): Promise<boolean>

  /**
   * Puts each key of a template under a tag whenever it is written, whoever writes it. What is stored already stays as it is.
   *
   * @example tags.register('user:{id}', 'session:{id}:{device}')
   * @throws {KeyTemplateError} When the templates cannot work.
   */
  register(tag: string, keyTemplate: string): void

  /** Answers the tags of a key, none when it has none or is absent. A name of more than 512 characters is told as its hash. */
  of(key: string): Promise<readonly string[]>
}

/**
 * Lets the writes of a cache name tags, and answers what deletes them. Called again, it answers the same.
 *
 * @throws {ConfigurationError} When it is no cache, an option does not exist or cannot work, or a backend is given to a
 * cache that has tags already.
 *
 * @example
 * const tags = createTags(cache)
 * await cache.set('page:1', html, { ttl: '1h', tags: ['pages', 'author:7'] })
 * await tags.delete('author:7')
 */
export function createTags(cache: Cache, options: TagsOptions = {}): CacheTags {
  const { backend } = check(cache, options)
  if (cache.tagging === undefined) cache.useTags(new TagsOfCache(cache, backend))
  else if (backend !== undefined)
    throw new ConfigurationError(
      `The cache "${cache.name}" has tags already: give the backend to the first createTags.`,
    )
  return cache.tagging as TagsOfCache
}

function check(cache: Cache, options: TagsOptions): TagsOptions {
  if (typeof cache?.useTags !== 'function')
    throw new ConfigurationError(`createTags takes a cache, as createCache() makes one, not ${String(cache)}.`)
  const stray = Object.keys(options).find((name) => name !== 'backend')
  if (stray !== undefined) throw new ConfigurationError(`createTags has no option "${stray}". Its option: backend.`)
  if (options.backend !== undefined && typeof options.backend?.open !== 'function')
    throw new ConfigurationError(
      `The backend for tags is one such as redis({ url: '…' }) answers, not ${String(options.backend)}.`,
    )
  return options
}

class TagsOfCache implements CacheTags, Tagging {
  readonly #cache: Cache
  readonly #registered = new Map<string, Registration>()
  readonly records: TagStore | undefined
  readonly tie: Tagging['tie'] = (store) => withTags(store, this.records)

  constructor(cache: Cache, backend: Backend | undefined) {
    this.#cache = cache
    this.records = backend && recordStore(backend, { removed() {}, error: cache.report })
  }

  delete(...tags: readonly string[]): Promise<boolean> {
    return this.#send('deleteTags', tags)
  }

  expire(...tags: readonly string[]): Promise<boolean> {
    return this.#send('expireTags', tags)
  }

  register(tag: string, keyTemplate: string): void {
    storedName(tag)
    this.#registered.set(JSON.stringify([tag, keyTemplate]), compileRegistration(tag, keyTemplate))
  }

  async of(key: string): Promise<readonly string[]> {
    const tags = await this.#cache.call<'getTags'>({ command: 'getTags', key })
    return tags === MISS ? [] : (tags as readonly string[])
  }

  forKey(key: string, given: readonly string[] | undefined): readonly string[] | undefined {
    if (given) checkList(given, key)
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
    const answers = await this.#cache.callAll({ command, tags })
    return answers.every(Boolean)
  }
}
