type ErrorClass = { readonly prototype: object; readonly name: string }

/** The error classes that are stored by name and restored. `DOMException` is thrown by `fetch` and abort signals. */
export const ERRORS: readonly ErrorClass[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
  DOMException,
]

type ViewClass = { readonly prototype: object; readonly name: string; readonly BYTES_PER_ELEMENT?: number }

/** Buffers and typed arrays that are stored by name; `Float16Array` if this Node has it. */
export const VIEWS: readonly ViewClass[] = [
  ArrayBuffer,
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  ...('Float16Array' in globalThis ? [(globalThis as unknown as { Float16Array: ViewClass }).Float16Array] : []),
]
