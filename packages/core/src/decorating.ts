import { checkThat } from './options.ts'

type AnyFunction = (...args: never[]) => unknown

/** A function to be wrapped, and what it is in its class. */
export interface Target {
  readonly fn: AnyFunction
  readonly kind: 'function' | 'method' | 'static'
  /** The name of the class, once it is known. */
  readonly className?: () => string | undefined
}

/**
 * Makes a decorator of what wraps a target. It is called with the function, or stands before a method: as a TC39 standard
 * decorator or as a TypeScript legacy one, on static methods too.
 *
 * @param what Names it in messages, such as `A strategy`.
 */
export function decorating(what: string, wrapTarget: (target: Target) => AnyFunction) {
  return (subject: unknown, where?: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (descriptor !== undefined) return legacy(subject as object, descriptor, wrapTarget)
    if (where !== undefined) {
      const { kind, name } = where as ClassMethodDecoratorContext
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

/** A standard decorator learns the class only when it, or its first instance, is there. */
function standard(
  fn: AnyFunction,
  context: ClassMethodDecoratorContext,
  wrapTarget: (target: Target) => AnyFunction,
): AnyFunction {
  let className: string | undefined
  const wrapped = wrapTarget({ fn, kind: context.static ? 'static' : 'method', className: () => className })
  context.addInitializer(function (this: unknown) {
    className ??= context.static ? (this as AnyFunction).name : declaringClass(this as object, context.name, wrapped)
  })
  return wrapped
}

/** The class whose prototype carries the method; for a private one, the class of the instance. */
function declaringClass(instance: object, name: string | symbol, method: AnyFunction): string {
  let owner = Object.getPrototypeOf(instance)
  while (owner && Object.getOwnPropertyDescriptor(owner, name)?.value !== method) owner = Object.getPrototypeOf(owner)
  return (owner ?? instance).constructor.name
}

const ORIGINAL = Symbol.for('cashews.original')

/**
 * The function under all wrappers around `fn`, whose source tells its parameters.
 *
 * @throws {ConfigurationError} When it is none.
 */
export function originalOf(fn: AnyFunction): AnyFunction {
  return (checkWrappable(fn) as AnyFunction & { readonly [ORIGINAL]?: AnyFunction })[ORIGINAL] ?? fn
}

function checkWrappable(fn: unknown): AnyFunction {
  checkThat(typeof fn === 'function', 'Only a function or a method can be wrapped', fn)
  return fn as AnyFunction
}

/** Gives a wrapped function the name and length of the one inside, and remembers the one under all wrappers. */
export function named<W extends AnyFunction>(wrapped: W, fn: AnyFunction): W {
  return Object.defineProperties(wrapped, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
    [ORIGINAL]: { value: originalOf(fn) },
  })
}
