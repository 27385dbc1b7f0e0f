import {
  type Cache,
  checkNames,
  checkThat,
  compileTemplate,
  isOptions,
  type KeySubject,
  named,
  type Target,
} from '@cashews/core'
import { checkTemplates } from './caching/tag-option.ts'
import { around, type Decorator } from './wrapping/decorator.ts'
import type { AnyFunction, Asynchronous } from './wrapping/function-types.ts'
import { runOf } from './wrapping/wrap.ts'

/** Settings of {@link invalidates}. */
export interface InvalidatesOptions {
  /** The names of the parameters by position. @default read from the function's source */
  readonly args?: readonly string[] | undefined
  /** Values for placeholders that are not parameters, and for parameters that are `undefined`. @default none */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined
  /**
   * Tags to delete, as templates over the arguments, which takes no scan. Requires `createTags(cache)` of
   * `@cashews/tags`.
   *
   * @default none
   */
  readonly tags?: readonly string[] | undefined
}

/**
 * Deletes the keys that a function outdates, once it has succeeded. A `*` of the template is a wildcard; one in an
 * argument, or `\*`, is not. Templates without wildcards, and tags, take no scan. What cannot be deleted is reported to
 * the cache's `onError`, and the caller gets the result all the same.
 *
 * ```ts
 * const createItem = invalidates(cache, ['items:page:*', 'shop:{shop}'], async (shop: string, item: string) => db.create(shop, item))
 * ```
 *
 * @throws {KeyTemplateError} At definition, when a template cannot work.
 */
export function invalidates(
  cache: Cache,
  templates: string | readonly string[],
  options?: InvalidatesOptions,
): Decorator
export function invalidates<F extends AnyFunction>(
  cache: Cache,
  templates: string | readonly string[],
  options: InvalidatesOptions,
  fn: F,
): Asynchronous<F>
export function invalidates<F extends AnyFunction>(
  cache: Cache,
  templates: string | readonly string[],
  fn: F,
): Asynchronous<F>
export function invalidates(
  cache: Cache,
  templates: string | readonly string[],
  given: InvalidatesOptions | AnyFunction = {},
  last?: AnyFunction,
): Decorator | AnyFunction {
  const [options, fn] = typeof given === 'function' ? [{}, given] : [given, last]
  checkNames('invalidates', options, ['args', 'defaults', 'tags'])
  const { tags: tagged, defaults = {} } = options
  checkThat(isOptions(defaults), 'defaults must be an object such as { page: 1 }', defaults)
  const all = typeof templates === 'string' ? [templates] : templates
  checkTemplates('templates', all?.length || tagged ? all : undefined)
  if (tagged !== undefined) checkTemplates('tags', tagged)

  const wrapTarget = ({ fn, kind }: Target): AnyFunction => {
    const [original, run] = runOf(cache, fn)
    const subject: KeySubject = { fn: original, kind }
    const drops = all.map((template) => {
      const [text, isPattern] = globOf(template)
      const pattern = compileTemplate('pattern', subject, text, options)
      return async (self: unknown, args: unknown[]): Promise<unknown> => {
        const key = pattern.render(self, args)
        await cache[isPattern ? 'deleteMatch' : 'delete'](key)
        return cache.engine.detected(key, () => ({ strategy: 'invalidates', template }), { hit: false })
      }
    })
    const tags = options.tags?.map((tag) => compileTemplate('tag', subject, tag, options))
    if (tags)
      drops.push(async (self, args) => cache.engine.tagging?.delete(...tags.map((tag) => tag.render(self, args))))
    const invalidating = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      if (tags) cache.engine.requireTags()
      const result = await run(this, args)
      await Promise.all(drops.map((drop) => drop(this, args).catch(cache.engine.report)))
      return result
    }
    return named(invalidating, fn)
  }
  return around(fn, wrapTarget)
}

/** Converts a template with a `*` to a glob, in which only `*` and `\` are special. */
function globOf(template: string): [text: string, isPattern: boolean] {
  const isPattern = template.replace(/\{(\{|[^{}]*\})/g, '').includes('*')
  const literal = (part: string) => (part[1] ? part : `\\${part}`)
  return [isPattern ? template.replace(/\{(\{|[^{}]*\})|\\\*|[?[\]\\]/g, literal) : template, isPattern]
}
