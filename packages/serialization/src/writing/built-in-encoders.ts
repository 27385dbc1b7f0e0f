import { TAG, Tagged } from '../formats/tagged.ts'
import { ERRORS, VIEWS } from '../types/built-in.ts'
import type { Fields } from './plain.ts'
import type { Settler } from './settler.ts'

type AnyClass = { readonly prototype: object }

/** Settles an instance that is inside of `depth` objects. */
type Encoder<T> = (value: T, settler: Settler, depth: number) => unknown

/** The encoders of JavaScript's and Node's own classes of data. */
const BUILT_IN: readonly (readonly [AnyClass, Encoder<unknown>])[] = [
  by(Date, (value, settler, depth) => new Tagged(TAG.date, settler.settle(value.getTime(), depth))),
  by(Map<unknown, unknown>, (value, settler, depth) => {
    return new Tagged(TAG.map, settler.settleAll([...value].flat(), depth))
  }),
  by(Set<unknown>, (value, settler, depth) => new Tagged(TAG.set, settler.settleAll(value, depth))),
  by(URL, (value) => new Tagged(TAG.url, value.href)),
  by(URLSearchParams, (value) => new Tagged(TAG.urlSearchParams, String(value))),
  by(Buffer, bytesOf),
  ...VIEWS.map((View) =>
    by(View, (value, settler) => {
      return new Tagged(TAG.view, [View.name, bytesOf(viewOf(value as ArrayBuffer | ArrayBufferView), settler)])
    }),
  ),
  ...ERRORS.map((Class) => by(Class, (value, settler, depth) => errorOf(value as Error, Class.name, settler, depth))),
]

const BY_PROTOTYPE = new Map(BUILT_IN.map(([Class, encode]) => [Class.prototype, encode]))
const BY_SOURCE = new Map(BUILT_IN.map(([Class, encode]) => [String(Class), encode]))

function by<T extends object>(Class: { readonly prototype: T }, encode: Encoder<T>): [AnyClass, Encoder<unknown>] {
  return [Class, encode as Encoder<unknown>]
}

/** The encoder of a built-in object. Instances of subclasses have none. */
export function encoderOf(value: object, prototype: object): Encoder<unknown> | undefined {
  return BY_PROTOTYPE.get(prototype) ?? encoderOfOther(value, prototype)
}

/**
 * The same for an object whose class is not ours, but looks like it: it is of another realm, as test runners and `node:vm` have
 * them, or a `Date` that fake timers have made, which names the real class as its own `constructor`.
 */
function encoderOfOther(value: object, prototype: object): Encoder<unknown> | undefined {
  const Class: unknown = value.constructor
  if (typeof Class !== 'function' || !(value instanceof Class)) return undefined
  if (Class.prototype !== prototype && !Object.hasOwn(value, 'constructor')) return undefined // a subclass
  return BY_SOURCE.get(Function.prototype.toString.call(Class))
}

function viewOf(value: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength)
    : Buffer.from(value)
}

function bytesOf(value: Buffer, { vocabulary }: Settler): unknown {
  return vocabulary.jsonOnly ? new Tagged(TAG.bytes, value.toString('base64')) : value
}

function errorOf(value: Error, name: string, settler: Settler, depth: number): Tagged {
  const keys = Object.getOwnPropertyNames(value).filter(
    (key) => key !== 'message' && (key !== 'stack' || settler.vocabulary.errorStacks),
  )
  // Its name comes from the constructor and is not a property.
  if (value instanceof DOMException) keys.push('name')
  const more = keys.flatMap((key) => [key, (value as unknown as Fields)[key]])
  const hidden = keys.filter((key) => !Object.prototype.propertyIsEnumerable.call(value, key))
  return new Tagged(TAG.error, [name, settler.settle(value.message, depth), settler.settleAll(more, depth), hidden])
}
