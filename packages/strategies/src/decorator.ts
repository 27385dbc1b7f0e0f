import type { AnyFunction, Wrapped } from './function-types.ts'
import { checkThat } from './options.ts'
import type { Target } from './wrap.ts'

/**
 * A strategy waiting for its function. It is called with the function, or stands before a method: as a TC39 standard
 * decorator or as a TypeScript legacy one, on static methods too.
 */
export interface Decorator {
  <F extends AnyFunction>(fn: F): Wrapped<F>
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F
  <F extends AnyFunction>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>): void
}

/** Makes a decorator of what wraps a target. */
export function decorator(wrapTarget: (target: Target) => AnyFunction): Decorator {
  const decorate = (subject: unknown, where?: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (descriptor !== undefined) return legacy(subject as object, descriptor, wrapTarget)
    if (where !== undefined) {
      const { kind, name } = where as ClassMethodDecoratorContext
      checkThat(kind === 'method', `A strategy decorates methods, not the ${kind} "${String(name)}".`)
      return standard(subject as AnyFunction, where as ClassMethodDecoratorContext, wrapTarget)
    }
    checkThat(typeof subject === 'function', `A strategy wraps a function or a method, not ${String(subject)}.`)
    return wrapTarget({ fn: subject as AnyFunction, kind: 'function' })
  }
  return decorate as Decorator
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
  for (let proto = Object.getPrototypeOf(instance); proto; proto = Object.getPrototypeOf(proto))
    if (Object.getOwnPropertyDescriptor(proto, name)?.value === method) return proto.constructor.name
  return instance.constructor.name
}
