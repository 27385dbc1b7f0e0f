import { type Awaitable, ConfigurationError, isPending } from '@cashews/core'

/** How instances of a class are converted to data and back. */
export interface TypeDefinition<T, D = unknown> {
  /** Identifies the class in stored values. Never change it, or they lose their decoder. */
  readonly id: string
  /** Returns the content of an instance: any value that can be stored, including instances of registered classes. */
  encode(instance: T): Awaitable<D>
  /**
   * Creates an instance from what {@link encode} returned. Without signing the data is untrusted: validate it, and
   * throw when it is invalid, which makes the value a miss.
   */
  decode(data: D): Awaitable<T>
  /** Whether instances of subclasses are stored too, and restored as the class itself. @default false */
  readonly subclasses?: boolean | undefined
}

/** Anything with a prototype: constructors may be private. */
export type ClassOf<T> = { readonly prototype: T; readonly name: string }

export type AnyType = TypeDefinition<unknown>

const byPrototype = new Map<object, AnyType>()
const byId = new Map<string, { readonly type: AnyType; readonly of: string }>()

/**
 * Lets values contain instances of a class. Registering a class again replaces its definition.
 *
 * @example
 * registerType(Money, {
 *   id: 'money',
 *   encode: ({ amount, currency }) => [amount, currency],
 *   decode: ([amount, currency]) => new Money(amount, currency),
 * })
 * @throws {ConfigurationError} When another class has this id, the definition is incomplete, or the class is `Object`
 *   or `Array`.
 */
export function registerType<T extends object, const D>(Class: ClassOf<T>, definition: TypeDefinition<T, D>): void {
  if (typeof (Class as unknown) !== 'function' || !definition)
    throw new ConfigurationError('registerType takes a class and an object: (Class, { id, encode, decode }).')
  const { id, encode, decode } = definition
  const { prototype } = Class as ClassOf<object>
  if (prototype === Object.prototype || prototype === Array.prototype)
    throw new ConfigurationError(
      `registerType(${Class.name}) would have no effect: plain objects and lists are stored as they are.`,
    )
  if (typeof id !== 'string' || id === '')
    throw new ConfigurationError(`registerType(${Class.name}) needs an id, text such as '${Class.name}'.`)
  if (typeof encode !== 'function' || typeof decode !== 'function')
    throw new ConfigurationError(`registerType(${Class.name}) needs two functions, encode and decode.`)
  const known = byId.get(id)
  const previous = byPrototype.get(Class.prototype)
  if (known && known.type !== previous)
    throw new ConfigurationError(`registerType(${Class.name}): the id "${id}" is taken by class "${known.of}".`)
  if (previous) byId.delete(previous.id)
  const type = definition as unknown as AnyType
  byPrototype.set(Class.prototype, type)
  byId.set(id, { type, of: Class.name })
}

/** The definition for an object with this prototype. */
export function typeFor(prototype: object): AnyType | undefined {
  const exact = byPrototype.get(prototype)
  if (exact) return exact
  for (let at = Object.getPrototypeOf(prototype); at !== null; at = Object.getPrototypeOf(at)) {
    const type = byPrototype.get(at)
    if (type?.subclasses) return type
  }
  return undefined
}

/** A value contains a custom type that is not registered here, or whose encoder or decoder has failed. */
export class CustomTypeError extends Error {}

/** Calls a function of a custom type, and names the type in its error. */
export function callOf<T>(id: string, call: () => Awaitable<T>): Awaitable<T> {
  const failed = (error: unknown): never => {
    throw new CustomTypeError(`type "${id}": ${(error as Error)?.message ?? error}`, { cause: error })
  }
  try {
    const answer = call()
    return isPending(answer) ? answer.catch(failed) : answer
  } catch (error) {
    return failed(error)
  }
}

/** The definition with this id. */
export function typeById(id: string): AnyType | undefined {
  return byId.get(id)?.type
}
