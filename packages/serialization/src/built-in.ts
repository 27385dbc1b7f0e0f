type ErrorClass = { readonly prototype: object; readonly name: string }

/** The classes of errors that are kept by name, and made again. `DOMException` is what `fetch` and signals throw. */
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

/** Bytes and the views of them that are kept by name. `Float16Array` where this Node has it. */
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
