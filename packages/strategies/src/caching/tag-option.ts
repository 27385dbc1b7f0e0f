import {
  type CompiledKey,
  checkList,
  compileTemplate,
  type KeyOptions,
  type LoadCall,
  originalOf,
  type TagsAhead,
  type Target,
} from '@cashews/core'

/** The tags of a result. */
export interface TagOptions<R, A extends readonly unknown[]> {
  /**
   * Tags to invalidate results by: templates over the arguments, such as `['items', 'page:{page}']`, or a function of
   * the result and the arguments. Requires `createTags(cache)` of `@cashews/tags`.
   */
  readonly tags?: readonly string[] | ((result: R, ...args: A) => readonly string[]) | undefined
}

/** The tags of the calls of one function. */
export interface TagMaker {
  /**
   * The tags before the function runs.
   *
   * @param key The key of the call; its spot caches the tags, if they depend on no argument that the key does not.
   */
  ahead(call: LoadCall, key: CompiledKey): TagsAhead
  /** The tags once there is a result. */
  of(result: unknown, self: unknown, args: readonly unknown[]): readonly string[]
}

/** Compiles the tags of a function; `undefined` when it has none. */
export function tagsOf(
  { fn, kind }: Target,
  { tags, args }: TagOptions<never, never> & Pick<KeyOptions, 'args'>,
): TagMaker | undefined {
  if (tags === undefined) return undefined
  if (typeof tags === 'function') {
    const tell = tags as (result: unknown, ...args: readonly unknown[]) => readonly string[]
    return { ahead: () => 'any', of: (result, self, given) => tell.call(self, result, ...given) }
  }
  checkTemplates('tags', tags)
  const subject = { fn: originalOf(fn), kind }
  const compiled = tags.map((tag) => compileTemplate('tag', subject, tag, { args }))
  const render = (self: unknown, given: readonly unknown[]) => compiled.map((tag) => tag.render(self, given))
  let areOfKey: boolean | undefined
  return {
    ahead({ self, args, spot }, { recent }) {
      areOfKey ??= compiled.every((tag) => tag.recent.positions.isSubsetOf(recent.positions))
      if (!spot || !areOfKey) return render(self, args)
      spot.note ??= render(self, args)
      return spot.note as readonly string[]
    },
    of: (_, self, given) => render(self, given),
  }
}

/** @throws {ConfigurationError} When this is not an array of strings. */
export function checkTemplates(option: string, templates: readonly string[] | undefined): void {
  checkList('string', option, templates, "['items']")
}
