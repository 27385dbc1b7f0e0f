import { checkType, kindOfOption } from '../basics/options.ts'
import { KeyTemplateError } from '../errors.ts'
import { limitKey } from './limit.ts'
import { compilePlaceholder, type MakeKey } from './placeholder.ts'
import { RecentCalls } from './recent.ts'
import { render } from './render.ts'
import { resolveRoot } from './root.ts'
import { type Signature, signatureOf } from './signature.ts'
import { parseTemplate } from './template.ts'

/** The function that a key is made for. */
export interface KeySubject {
  /** Its source and its name are read. */
  readonly fn: (...args: never[]) => unknown
  /** `method`: the key may contain the instance. */
  readonly kind: 'function' | 'method' | 'static'
  /** Begins the key that is derived for a method. */
  readonly className?: string | undefined
}

/** How the key of a call is made. */
export interface KeyOptions<A extends readonly unknown[] = readonly unknown[]> {
  /** A template such as `user:{id}`, or a function of the arguments. @default derived from the function's source */
  readonly key?: string | ((...args: A) => string) | undefined
  /** Stands before the key, followed by `:`. */
  readonly prefix?: string | undefined
  /** The names of the arguments by position, if the function's source does not tell them. */
  readonly args?: readonly string[] | undefined
  /** The name of the function in a derived template. @default its own, in a method `Class.method` */
  readonly name?: string | undefined
  /** Whether a derived template leaves `this` out. @default whether it leaves out the arguments */
  readonly noSelf?: boolean | undefined
  /** Whether a derived template leaves the arguments out: one key for all calls of the function. @default false */
  readonly noArgs?: boolean | undefined
}

/** Where a template finds its names, besides the function's source. */
export interface TemplateNames {
  /** Names of the arguments by position. */
  readonly args?: readonly string[] | undefined
  /** Values for names that are not parameters, and for parameters that are `undefined`. */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined
}

/** A template, ready to make keys. */
export interface CompiledKey {
  /** The template with its prefix: the label for metrics and traces. */
  readonly template: string
  /** Whether the template was derived rather than given. */
  readonly derived: boolean
  /** Makes the key of a call. */
  render(self: unknown, args: readonly unknown[]): string
  /** The keys of recent calls. */
  readonly recent: RecentCalls
}

type Kind = 'key' | 'derived' | 'tag' | 'pattern'

/**
 * Compiles the key of a function: its template, its key function, or else a template derived from its name and
 * parameters. Everything that can be wrong with a template is found here; none of the user's code runs.
 */
export function compileKey<A extends readonly unknown[]>(subject: KeySubject, options: KeyOptions<A>): CompiledKey {
  const { fn, className } = subject
  const {
    key,
    prefix = '',
    args,
    noArgs,
    noSelf = noArgs,
    name = className && fn.name ? `${className}.${fn.name}` : fn.name,
  } = options
  checkType('string', { prefix, name })
  checkType('boolean', { noSelf })
  const before = prefix && `${prefix}:`
  if (typeof key === 'function') return keyFunction(key as never, before, `${before}${name || 'anonymous'}()`)
  if (key !== undefined && typeof key !== 'string')
    throw new KeyTemplateError(`A key must be a template or a function, not ${kindOfOption(key)}.`)
  const signature = signatureOf(fn, args)
  if (key !== undefined) return compile('key', subject, key && before + key, signature)
  const kind = noSelf ? 'function' : subject.kind
  const seen = noArgs ? { ...signature, derived: [], unnamedFrom: undefined } : signature
  return compile('derived', { ...subject, kind }, before + derive(name, kind === 'method', seen), seen)
}

/**
 * Compiles another template over the arguments of a function. In a `tag` numbers, bigints, booleans and registered
 * types are plain. In a `pattern` a `*` of the template itself is a wildcard, which stands for values too; one in a value
 * is none.
 */
export function compileTemplate(
  kind: 'tag' | 'pattern',
  subject: KeySubject,
  template: string,
  { args, defaults }: TemplateNames = {},
): CompiledKey {
  return compile(kind, subject, template, signatureOf(subject.fn, args), defaults)
}

function compile(
  kind: Kind,
  subject: KeySubject,
  template: string,
  signature: Signature,
  defaults?: TemplateNames['defaults'],
): CompiledKey {
  const { literals, placeholders } = parseTemplate(template)
  const [head = '', ...tails] = literals
  const positions = new Set<number | undefined>()
  const parts = placeholders.map((placeholder, index) => {
    const { text, steps, formatters } = placeholder
    const root = resolveRoot(placeholder, template, signature, subject.kind !== 'function', defaults)
    positions.add(steps.length || formatters.length ? undefined : root.position)
    const tail = tails[index] ?? ''
    const following = placeholders[index + 1] || tail.includes('*') ? tail : undefined
    return { text, tail, make: compilePlaceholder(placeholder, root.read, kind === 'tag' ? kind : 'key', following) }
  })
  const extras = kind === 'derived' ? signature.unnamedFrom : undefined
  const owner = kind === 'derived' && subject.kind === 'static' && subject.className
  const asItIs = kind === 'tag' || (kind === 'pattern' && literals.some((text) => text.includes('*')))

  const make: MakeKey = (self, args) => {
    let key = head
    let place = ''
    try {
      for (const { text, tail, make } of parts) {
        place = text
        key += make(self, args) + tail
      }
      place = 'an undeclared argument'
      if (extras !== undefined) for (const extra of args.slice(extras)) key += `:${render(extra, 'key')}`
      // A subclass may give other results than the class that it inherits the method from.
      if (owner && self && owner !== (self as KeySubject['fn']).name) key += `:this=${(self as KeySubject['fn']).name}`
    } catch (cause) {
      const why = cause instanceof RangeError ? 'A circular or too long value has no key.' : (cause as Error).message
      throw new KeyTemplateError(`${why} In ${place} of the template "${template}".`, { cause })
    }
    return asItIs ? key : limitKey(key)
  }
  if (owner || extras !== undefined) positions.add(undefined)
  return { template, derived: kind === 'derived', recent: new RecentCalls(positions), render: make }
}

/** Derives `name:this:{this}:user:{user}`, in which every argument that the function can see takes part. */
function derive(name: string, self: boolean, { derived }: Signature): string {
  if (!name) throw new KeyTemplateError('A function without a name needs the option name or key.')
  if (!derived) throw new KeyTemplateError(`The source of ${name} does not show its parameters: give args or key.`)
  return [name.replace(/[{}]/g, '$&$&'), ...(self ? ['this:{this}'] : []), ...derived].join(':')
}

function keyFunction(make: (...args: readonly unknown[]) => unknown, before: string, template: string): CompiledKey {
  return {
    template,
    derived: false,
    recent: new RecentCalls(new Set([undefined])),
    render(self, args) {
      const key = make.apply(self, [...args])
      if (key && typeof key === 'string') return limitKey(before + key)
      throw new KeyTemplateError(`A key must be text, not ${kindOfOption(key)}, which ${template} answered.`)
    },
  }
}
