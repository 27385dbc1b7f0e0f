import { compileTemplate, KeyTemplateError, kindOfOption } from '@cashews/core'

/** Returns the tag of a key that matches the template; `undefined` for other keys. */
export type Registration = (key: string) => string | undefined

const NAME = /\{\{|\}\}|\{([^{}]*)\}/g
/** The root of a placeholder in a tag, unless it is a position or from the key context. */
const ROOT = /(?<!\{)\{(?![{@\d])([^{}:.[]+)/g
const SIMPLE = /^[\p{ID_Continue}$]+$/u

/**
 * Compiles a tag for the keys of a template. A placeholder of the key template matches the text up to the literal that
 * follows it, but no `:`. Its text goes into the tag as it is escaped in the key.
 *
 * @throws {KeyTemplateError} When a template cannot work.
 */
export function compileRegistration(tag: string, keyTemplate: string): Registration {
  const { literals, names } = takeApart(keyTemplate)
  const [head = '', ...tails] = literals
  for (const { 1: root = '' } of tag.matchAll(ROOT))
    if (!names.includes(root))
      throw new KeyTemplateError(
        `The tag "${tag}" names "{${root}}", which is not in the key template "${keyTemplate}". Its names are: ${names.join(', ') || 'none'}.`,
      )
  const asTheyAre = tag.replace(/\{([^{}@]+)\}/g, '{$1:raw}')
  const made = compileTemplate('tag', { fn: () => undefined, kind: 'function' }, asTheyAre, { args: names })
  return (key) => {
    if (!key.startsWith(head)) return undefined
    const values: string[] = []
    let at = head.length
    for (const [nth, tail] of tails.entries()) {
      const isLast = nth === tails.length - 1
      const end = isLast && tail === '' ? key.length : isLast ? key.length - tail.length : key.indexOf(tail, at + 1)
      const value = key.slice(at, end)
      if (end <= at || value.includes(':') || !key.startsWith(tail, end)) return undefined
      values.push(value)
      at = end + tail.length
    }
    return at === key.length ? made.render(undefined, values) : undefined
  }
}

/** Splits a template into the names of its placeholders and the literals around them. */
function takeApart(template: string): { literals: string[]; names: string[] } {
  const refuse = (problem: string): never => {
    throw new KeyTemplateError(`${problem} in the key template "${template}". Write it as in "user:{id}:page:{page}".`)
  }
  if (typeof template !== 'string' || template === '')
    throw new KeyTemplateError(`A key template must be text of at least one character, not ${kindOfOption(template)}.`)
  const literals = ['']
  const names: string[] = []
  let from = 0
  const add = (text: string) => {
    if (/[{}]/.test(text)) refuse('A stray brace')
    literals.push((literals.pop() ?? '') + text)
  }
  for (const { 0: token, 1: name, index } of template.matchAll(NAME)) {
    add(template.slice(from, index))
    from = index + token.length
    if (name === undefined) {
      literals.push((literals.pop() ?? '') + token[0])
      continue
    }
    if (!SIMPLE.test(name)) refuse(`"{${name}}" is more than a name`)
    if (names.includes(name)) refuse(`"{${name}}" stands twice`)
    if (names.length > 0 && literals.at(-1) === '') refuse(`Nothing shows where "{${names.at(-1)}}" ends`)
    names.push(name)
    literals.push('')
  }
  add(template.slice(from))
  return { literals, names }
}
