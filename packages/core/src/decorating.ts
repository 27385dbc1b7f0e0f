import { checkThat } from './basics/options.ts'

type AnyFunction = (...args: never[]) => unknown

/** Stands for the function of a decorator, which is not known before it decorates a method. */
export type NotYetKnown = (...args: never[]) => never

/** A function to be wrapped, and its place in its class. */
export interface Target {
  /** What is called. */
  readonly fn: AnyFunction
  /** Where it was found. */
  readonly kind: 'function' | 'method' | 'static'
  /** The name of the class, once it is known. */
  readonly className?: () => string | undefined
}

/**
 * Makes a function that wraps functions, and is also a decorator of methods, static ones too: a TC39 standard decorator as
 * well as a TypeScript legacy one.
 *
 * @param what What wraps, for messages, such as `A strategy`.
 */
export function decorating(what: string, wrapTarget: (target: Target) => AnyFunction) {
  return (subject: unknown, where?: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (descriptor !== undefined) return legacy(subject as object, descriptor, wrapTarget)
    if (where !== undefined) {
      const { kind = 'field', name = where } = where as ClassMethodDecoratorContext // legacy decorators get the name alone
      checkThat(kind === 'method', `${what} decorates methods, not the ${kind} "${String(name)}".`)
      return standard(subject as AnyFunction, where as ClassMethodDecoratorContext, wrapTarget)
    }
    return wrapTarget({ fn: checkWrappable(subject), kind: 'function' })
  }
}

function legacy(owner: object, descriptor: PropertyDescriptor, wrapTarget: (target: Target) => AnyFunction): void {
  const isStatic = typeof owner === 'function'
  const className = isStatic ? owner.name : owner.constructor.name
  descriptor.value = wrapTarget({
    fn: descriptor.value,
    kind: isStatic ? 'static' : 'method',
    className: () => className,
  })
}

/** A standard decorator learns the name of the class only when the class, or its first instance, is created. */
function standard(
  fn: AnyFunction,
  context: ClassMethodDecoratorContext,
  wrapTarget: (target: Target) => AnyFunction,
): AnyFunction {
  let className: string | undefined
  const wrapped = wrapTarget({ fn, kind: context.static ? 'static' : 'method', className: () => className })
  context.addInitializer(function (this: unknown) {
    className ??= context.static
      ? (this as AnyFunction).name
      : declaringClass(this as object, context.name, originalOf(fn))
  })
  return wrapped
}

/**
 * The class whose prototype has the method, which more decorators may have wrapped; for a private one, the class of the
 * instance.
 */
function declaringClass(instance: object, name: string | symbol, original: AnyFunction): string {
  let owner = Object.getPrototypeOf(instance)
  while (owner && Object.getOwnPropertyDescriptor(owner, name)?.value?.[ORIGINAL] !== original)
    owner = Object.getPrototypeOf(owner)
  return (owner ?? instance).constructor.name
}

const ORIGINAL = Symbol.for('cashews.original')

/**
 * The innermost function, under all wrappers around `fn`: its source tells the parameters.
 *
 * @throws {ConfigurationError} When `fn` is not a function.
 */
export function originalOf(fn: AnyFunction): AnyFunction {
  return (checkWrappable(fn) as AnyFunction & { readonly [ORIGINAL]?: AnyFunction })[ORIGINAL] ?? fn
}

function checkWrappable(fn: unknown): AnyFunction {
  checkThat(typeof fn === 'function', 'Only a function or a method can be wrapped', fn)
  return fn as AnyFunction
}

/**
 * Gives a wrapper the name, the length and all other properties of its function, and notes the innermost one for
 * {@link originalOf}.
 *
 * @param handle The wrapper's own methods, instead of those that the function has, as it may be a wrapper itself.
 */
export function named<W extends AnyFunction>(wrapped: W, fn: AnyFunction, handle: object = {}): W {
  const { prototype: _, ...own } = Object.getOwnPropertyDescriptors(fn) as PropertyDescriptorMap
  const methods = Object.getOwnPropertyDescriptors(handle)
  return Object.defineProperties(wrapped, { [ORIGINAL]: { value: fn }, ...own, ...methods })
}
