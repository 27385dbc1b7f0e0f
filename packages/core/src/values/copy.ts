import { kindOf, refuse } from './value-kind.ts'

type Fields = Record<PropertyKey, unknown>
type Copier = (value: object, twins?: Twins) => object

const CLONE = Symbol.for('cashews.clone')

/** The copy of every object seen so far. */
export class Twins extends Map<object, object> {
  /** Whether copying without this would be wrong: an object occurred twice, or has symbol keys. */
  needed = false
  /** Whether an object was found inside the first one. */
  hasParts = false
}

/**
 * Copies data deeply.
 *
 * @param twins Required if an object may occur twice. Copying is faster without it.
 * @throws {ValueError} When a part is not data.
 */
export function deepCopy(value: unknown, twins?: Twins): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') refuse(value, 'it is not data')
  if (typeof value !== 'object' || value === null) return value
  const prototype: object | null = Object.getPrototypeOf(value)
  if (twins) {
    const twin = twins.get(value)
    twins.needed ||= twin !== undefined
    twins.hasParts ||= twins.size > 0
    if (twin) return twin
  }
  if (prototype === Object.prototype) return copyParts({ ...value }, value, twins)
  if (prototype === Array.prototype) return copyItems(value as unknown[], twins)
  return copierOf(value, prototype)(value, twins)
}

/**
 * Copies data as {@link deepCopy} does, also if an object occurs twice.
 *
 * @throws {ValueError} When a part is not data.
 */
export function copyData(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? deepCopy(value, new Twins()) : deepCopy(value)
}

/** Replaces the objects in a shallow copy by copies. */
function copyParts(fields: Fields, value: object, twins: Twins | undefined): object {
  twins?.set(value, fields)
  for (const key in fields) {
    const part = fields[key]
    if (isPart(part) && Object.hasOwn(fields, key)) fields[key] = deepCopy(part, twins)
  }
  if (!twins) return fields
  for (const key of Object.getOwnPropertySymbols(fields)) {
    twins.needed = true
    fields[key] = deepCopy(fields[key], twins)
  }
  return fields
}

function copyItems(value: unknown[], twins: Twins | undefined): unknown[] {
  const copy = value.slice()
  twins?.set(value, copy)
  for (let at = 0; at < copy.length; at++) if (isPart(copy[at])) copy[at] = deepCopy(copy[at], twins)
  return copy
}

function isPart(part: unknown): boolean {
  const type = typeof part
  return type === 'object' ? part !== null : type === 'function' || type === 'symbol'
}

/** How the instances of a prototype are copied. */
const copiers = /* @__PURE__ */ firstCopiers()

/** Classes with private state, which are copied by their constructor. */
function firstCopiers(): WeakMap<object, Copier> {
  return new WeakMap<object, Copier>(
    [URL, URLSearchParams].map((Class) => [Class.prototype, (value) => new Class(String(value))]),
  )
}

function copierOf(value: object, prototype: object | null): Copier {
  if (prototype === null) return BY_KIND.Object as Copier
  let copier = copiers.get(prototype)
  if (!copier) {
    copier = CLONE in prototype ? cloned : BY_KIND[kindOf(value)]
    copier ??= ArrayBuffer.isView(value) ? copyTypedArray : refuse(value, 'it cannot be copied')
    copiers.set(prototype, copier)
  }
  return copier
}

function cloned(value: object, twins?: Twins): object {
  const copy = (value as { [CLONE](): object })[CLONE]()
  twins?.set(value, copy)
  return copy
}

const BY_KIND: Readonly<Record<string, Copier>> = {
  Immutable: (value) => value,
  Object: (value, twins) => copyParts({ __proto__: Object.getPrototypeOf(value), ...value }, value, twins),
  Array: (value, twins) => dress(new Array((value as unknown[]).length), value, twins),
  Date: (value, twins) => dress(new Date(value as Date), value, twins),
  RegExp(value, twins) {
    const copy = new RegExp(value as RegExp)
    copy.lastIndex = (value as RegExp).lastIndex
    return dress(copy, value, twins)
  },
  Map(value, twins) {
    const copy = dress(new Map(), value, twins)
    for (const [key, item] of value as Map<unknown, unknown>) copy.set(deepCopy(key, twins), deepCopy(item, twins))
    return copy
  },
  Set(value, twins) {
    const copy = dress(new Set(), value, twins)
    for (const item of value as Set<unknown>) copy.add(deepCopy(item, twins))
    return copy
  },
  // A DOMException keeps its name and message elsewhere than in its properties.
  Error: (value, twins) =>
    dress(value instanceof DOMException ? structuredClone(value) : new Error(), value, twins, Reflect.ownKeys(value)),
  ArrayBuffer: (value) => (value as ArrayBuffer).slice(),
  DataView(value) {
    const { buffer, byteOffset, byteLength } = value as DataView
    return new DataView(buffer.slice(byteOffset, byteOffset + byteLength))
  },
}

function copyTypedArray(value: object): object {
  return Uint8Array.prototype.slice.call(value as Uint8Array) // that of a Buffer would share its bytes
}

/** Gives the copy of a built-in object the rest of the value: its class, and own properties. */
function dress<T extends object>(copy: T, value: object, twins?: Twins, keys: PropertyKey[] = Object.keys(value)): T {
  twins?.set(value, copy)
  const prototype = Object.getPrototypeOf(value)
  // It takes a while even where it changes nothing.
  if (Object.getPrototypeOf(copy) !== prototype) Object.setPrototypeOf(copy, prototype)
  for (const key of keys)
    Object.defineProperty(copy, key, {
      value: deepCopy((value as Fields)[key], twins),
      enumerable: Object.prototype.propertyIsEnumerable.call(value, key),
      writable: true,
      configurable: true,
    })
  return copy
}
