import type { Backend, TagsAhead } from './backend.ts'
import type { TagStore } from './defaults/tags/tag-records.ts'

/** What `createTags` of `@cashews/tags` adds to a cache. */
export interface Tagging {
  /** Where the records of the tags are kept. Absent: each store keeps those of its own values. */
  readonly records?: TagStore | undefined
  /** Adds tags to a store whose tag records are kept elsewhere, by {@link withTags}. */
  readonly tie: (store: Backend) => Backend
  /** The tags that a key is written with: those given and those registered for it, or none. */
  forKey(key: string, given: readonly string[] | undefined): readonly string[] | undefined
  /** Groups entries by the tags that each is written with. */
  group<E extends readonly [key: string, value: unknown]>(
    entries: readonly E[],
    given: readonly string[] | undefined,
  ): Iterable<readonly [tags: readonly string[] | undefined, entries: readonly E[]]>
  /** The tags that the value of a key will be written with, before it is loaded. */
  ahead(key: string, given: TagsAhead | undefined): TagsAhead | undefined
  /** Makes every key with one of the tags absent. Resolves to whether every store did. */
  delete(...tags: readonly string[]): Promise<boolean>
}
