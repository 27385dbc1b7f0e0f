import { currentScope } from '../scope/scope.ts'
import { isContextName } from './context.ts'
import { standIn } from './render.ts'
import type { Root, Signature } from './signature.ts'
import { type Placeholder, templateError } from './template.ts'

/**
 * Decides, once and for all, where the value of a placeholder comes from.
 *
 * @param hasSelf Whether there is a `this`.
 * @param defaults Values for names that are not parameters, and for parameters that are `undefined`.
 */
export function resolveRoot(
  { root, steps, at }: Placeholder,
  template: string,
  { names, position }: Signature,
  hasSelf: boolean,
  defaults: Readonly<Record<string, unknown>> = {},
): Root {
  const known = names.get(root) ?? names.get(renamed(root, names))
  if (Object.hasOwn(defaults, root)) {
    const fallback = defaults[root]
    return {
      read: (self, args) => {
        const value = known?.read(self, args)
        return value === undefined ? fallback : value
      },
    }
  }
  const found = known ?? (/^\d+$/.test(root) ? position(+root) : undefined)
  if (found) return found
  if (hasSelf && root === 'this') return { read: steps.length ? (self) => self : identityOf }
  const name = root.replace('@', '')
  if (name !== root || isContextName(name)) return { read: () => fromContext(name) }
  // A position, and `this`, are no names that `args` could give.
  const remedy = /^(\d+|this)$/.test(root) ? '' : ` In minified or bound code, give args: ['${root}'].`
  const valid = `Parameters: ${[...names.keys()].join(', ') || 'none'}.${remedy}`
  throw templateError(template, at, `Unknown name "${root}"`, valid)
}

/**
 * Finds a parameter that esbuild renamed because of a clash with an outer name: `page` became `page2`. It must be the only
 * candidate: for `line`, with both `line1` and `line2`, there is none.
 */
function renamed(root: string, names: Signature['names']): string {
  return [...names.keys()].filter((name) => name.startsWith(root) && /^\d+$/.test(name.slice(root.length))).join()
}

function fromContext(name: string): unknown {
  const context = currentScope()?.keyContext
  if (context && Object.hasOwn(context, name)) return context[name]
  throw new Error(`No keyContext provides "${name}".`)
}

/** What distinguishes one instance from another. */
function identityOf(self: unknown): unknown {
  if (typeof self !== 'object' || !self) return self
  const other = standIn(self)
  if (other !== undefined) return other
  const text = `${self.toString()}`
  if (!text.startsWith('[object ')) return text // that of Object, of any realm, says nothing
  throw new Error(
    `A ${self.constructor?.name} has no key: give it a toString(), a method [Symbol.for('cashews.key')](), or a key template with {this.id}, or set noSelf: true.`,
  )
}
