import { ERRORS, VIEWS } from './built-in.ts'
import type { Fields } from './plain.ts'
import type { Settler } from './settler.ts'
import { TAG, Tagged } from './tagged.ts'

/** Settles an instance that is inside of `depth` objects. */
type Encoder<T> = (value: T, settler: Settler, depth: number) => unknown

/** The encoders of JavaScript's and Node's own classes of data, by prototype. Instances of subclasses have none. */
export const BUILT_IN: ReadonlyMap<object, Encoder<unknown>> = new Map([
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
])

function by<T>(Class: { readonly prototype: T }, encode: Encoder<T>): [object, Encoder<unknown>] {
  return [Class.prototype as object, encode as Encoder<unknown>]
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
