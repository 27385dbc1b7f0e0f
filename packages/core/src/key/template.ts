import { KeyTemplateError } from '../errors.ts'
import { FORBIDDEN, validFormatters } from './formatter.ts'

/** One step from a value to a value inside it: `.name`, `?.name` or `[name]`. */
export interface Step {
  readonly name: string
  readonly optional: boolean
  /** Whether it was written `[name]`, which takes the entry of a Map. */
  readonly item: boolean
}

/** A formatter as a template calls it. */
interface FormatterCall {
  readonly name: string
  readonly args: readonly string[]
}

/** A placeholder, parsed. */
export interface Placeholder {
  readonly root: string
  readonly steps: readonly Step[]
  readonly formatters: readonly FormatterCall[]
  readonly raw: boolean
  /** Its text, braces included. */
  readonly text: string
  /** Where its root begins in the template. */
  readonly at: number
}

/** A template, parsed. */
export interface ParsedTemplate {
  /** The texts around the placeholders: one more than there are placeholders. */
  readonly literals: readonly string[]
  readonly placeholders: readonly Placeholder[]
}

const TOKEN = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g
const ROOT = /^@?[\p{ID_Continue}$]+/u
const PART = /(\?)?\.([\p{ID_Continue}$]+)|\[(["']?)(.+?)\3\]|:(\w+)(?:\(([^)]*)\))?/uy
const SYNTAX = 'Write {name.property[item]:formatter(argument)}, or {{ and }} for braces.'

/** Makes an error that shows the template, points at a position in it, and says what would be valid. */
export function templateError(template: string, at: number, problem: string, valid: string): KeyTemplateError {
  return new KeyTemplateError(
    `${problem} in the template`,
    undefined,
    `\n  ${template}\n  ${' '.repeat(at)}^\n${valid}`,
  )
}

/** Reads a template into literal texts and placeholders. Runs none of the user's code. */
export function parseTemplate(template: string): ParsedTemplate {
  if (!template) throw new KeyTemplateError('A template cannot be empty.')
  const literals: string[] = []
  const placeholders: Placeholder[] = []
  let literal = ''
  for (const { 0: token, 1: inner, index } of template.matchAll(TOKEN)) {
    if (inner !== undefined) {
      literals.push(literal)
      literal = ''
      placeholders.push(parsePlaceholder(template, inner, index + 1))
    } else if (token === '{' || token === '}') {
      throw templateError(template, index, `Stray "${token}"`, SYNTAX)
    } else {
      literal += token === '{{' || token === '}}' ? token[0] : token
    }
  }
  literals.push(literal)
  return { literals, placeholders }
}

function parsePlaceholder(template: string, inner: string, at: number): Placeholder {
  const steps: Step[] = []
  const formatters: FormatterCall[] = []
  let raw = false
  const [root = ''] = ROOT.exec(inner) ?? []
  for (let next = root.length; !root || next < inner.length; next = PART.lastIndex) {
    const fail = (problem: string, valid = SYNTAX): KeyTemplateError =>
      templateError(template, at + next, problem, valid)
    PART.lastIndex = next
    const [part, optional, property, , name = property, formatter, list] = (root && PART.exec(inner)) || []
    if (!part || (name && (raw || formatters.length))) throw fail(`Unexpected "${inner[next] ?? '}'}"`)
    if (name) {
      if (FORBIDDEN.test(name)) throw fail(`Forbidden "${name}"`)
      steps.push({ name, optional: !!optional, item: property === undefined })
    } else if (formatter === 'raw') {
      raw = true
    } else if (formatter) {
      const args = list?.trim() ? list.split(',').map((text) => text.trim()) : []
      const valid = validFormatters(formatter, args[0])
      if (valid) throw fail(`Unknown "${part}"`, valid)
      formatters.push({ name: formatter, args })
    }
  }
  return { root, steps, formatters, raw, text: `{${inner}}`, at }
}
