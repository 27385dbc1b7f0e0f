import { compileTemplate, type KeyOptions } from '@cashews/core'
import type { Target } from './wrap.ts'

/** Under which names a result can be invalidated. */
export interface TagOptions<R, A extends readonly unknown[]> {
  /** Templates over the arguments, such as `['items', 'page:{page}']`, or a function of the result and the arguments. */
  readonly tags?: readonly string[] | ((result: R, ...args: A) => readonly string[])
}

/** Makes the tags of one call. */
export type MakeTags = (result: unknown, self: unknown, args: readonly unknown[]) => readonly string[]

/** Compiles the tags of a function; `undefined` when it has none. */
export function tagsOf(
  { fn, kind }: Target,
  { tags, args }: TagOptions<never, never> & Pick<KeyOptions, 'args'>,
): MakeTags | undefined {
  if (tags === undefined) return undefined
  if (typeof tags === 'function') {
    const tell = tags as (result: unknown, ...args: readonly unknown[]) => readonly string[]
    return (result, self, given) => Reflect.apply(tell, self, [result, ...given])
  }
  const compiled = tags.map((tag) => compileTemplate('tag', { fn, kind }, tag, args === undefined ? {} : { args }))
  return (_, self, given) => compiled.map((tag) => tag.render(self, given))
}
