import { type Awaitable, chain, isPending } from '@cashews/core'
import { ERRORS, VIEWS } from './built-in.ts'
import { typeById } from './custom-types.ts'
import { TAG, type Tag } from './tagged.ts'

type Fields = Record<string, unknown>

/** Stands for a repeated part until all parts are read. */
class Reference {
  readonly id: number

  constructor(id: number) {
    this.id = id
  }
}

/** Stands for an instance of a custom type until its decoder has answered. */
class CustomPart {
  readonly id: string
  data: unknown
  value: unknown

  constructor(id: string, data: unknown) {
    this.id = id
    this.data = data
  }
}

/** The custom parts of the value that is being read: those inside of others come first. */
let customParts: CustomPart[] = []

/** Reads a whole value by `read`, and then lets the custom types make their instances. */
export function reviveAll(
  read: (bytes: Buffer, start: number) => unknown,
  bytes: Buffer,
  start: number,
): Awaitable<unknown> {
  if (customParts.length > 0) customParts = []
  const value = read(bytes, start)
  if (customParts.length === 0) return value
  const parts = customParts
  customParts = []
  const instances = parts.reduce<Awaitable<unknown>>(
    (before, part) => chain(before, () => chain(instanceOf(part), (instance) => setValue(part, instance))),
    undefined,
  )
  return chain(instances, () => replace(value, valueOfCustom))
}

function setValue(part: CustomPart, instance: unknown): void {
  part.value = instance
}

function instanceOf(part: CustomPart): Awaitable<unknown> {
  const type = typeById(part.id)
  if (!type) throw new CustomTypeError(`nobody registered the type "${part.id}"`)
  const failed = (error: unknown): never => {
    throw new CustomTypeError(`type "${part.id}": ${(error as Error)?.message ?? error}`, { cause: error })
  }
  try {
    const instance = type.decode(replace(part.data, valueOfCustom))
    return isPending(instance) ? instance.catch(failed) : instance
  } catch (error) {
    return failed(error)
  }
}

const valueOfCustom = (part: object): unknown => (part instanceof CustomPart ? part.value : part)

/** A value holds a custom type that this process does not know, or whose decoder refuses the data. */
export class CustomTypeError extends Error {}

/** Makes of a tagged part what it was. Throws when the content is not what the tag promises. */
export function revive(tag: unknown, content: unknown): unknown {
  const make = Object.hasOwn(MAKERS, tag as Tag) ? MAKERS[tag as Tag] : undefined
  if (!make) throw new Error(`unknown tag ${String(tag)}`)
  return make(content)
}

const MAKERS: Readonly<Record<Tag, (content: unknown) => unknown>> = {
  [TAG.negativeZero]: () => -0,
  [TAG.undefined]: () => undefined,
  [TAG.date]: (content) => new Date(asNumber(content)),
  [TAG.map]: (content) => new Map(pairs(content)),
  [TAG.set]: (content) => new Set(asList(content)),
  [TAG.error]: makeError,
  [TAG.url]: (content) => new URL(asText(content)),
  [TAG.urlSearchParams]: (content) => new URLSearchParams(asText(content)),
  [TAG.bigint]: makeBigint,
  [TAG.number]: (content) => Number(asText(content)),
  [TAG.bytes]: (content) => Buffer.from(asText(content), 'base64'),
  [TAG.view]: makeView,
  [TAG.text]: (content) => asBytes(content).toString('utf16le'),
  [TAG.rows]: makeRows,
  [TAG.bare]: (content) => define(Object.create(null), pairs(content)),
  [TAG.entries]: (content) => define({}, pairs(content)),
  [TAG.sparse]: makeSparse,
  [TAG.graph]: makeGraph,
  [TAG.reference]: (content) => new Reference(asNumber(content)),
  [TAG.custom]: makeCustom,
}

function makeBigint(content: unknown): bigint {
  const [, sign, digits] = /^(-?)([0-9a-f]+)$/.exec(asText(content)) ?? fail()
  const magnitude = BigInt(`0x${digits}`)
  return sign ? -magnitude : magnitude
}

function makeView(content: unknown): unknown {
  const [name, bytes] = asList(content)
  const View = VIEWS.find((known) => known.name === name) ?? fail()
  // A copy of its own, aligned for the widest element.
  const { buffer } = new Uint8Array(asBytes(bytes))
  return View === ArrayBuffer ? buffer : new (View as unknown as new (buffer: ArrayBuffer) => unknown)(buffer)
}

function makeRows(content: unknown): Fields[] {
  const [names, flat] = asList(content)
  const keys = asList(names).map(asText)
  const values = asList(flat)
  if (keys.length === 0 || values.length % keys.length !== 0 || keys.includes('__proto__')) fail()
  const rows: Fields[] = []
  for (let at = 0; at < values.length; ) {
    const row: Fields = {}
    for (let column = 0; column < keys.length; column++) row[keys[column] as string] = values[at++]
    rows.push(row)
  }
  return rows
}

/** A list with holes. Its length alone costs nothing, whatever it is. */
function makeSparse(content: unknown): unknown[] {
  const [length, items] = asList(content)
  const list: unknown[] = []
  for (const [at, item] of pairs(items)) {
    if (!Number.isInteger(at) || (at as number) < 0 || (at as number) >= (length as number)) fail()
    list[at as number] = item
  }
  list.length = asNumber(length)
  return list
}

function makeError(content: unknown): Error {
  const [name, message, more, hidden] = asList(content)
  const Class = ERRORS.find((known) => known.name === name) ?? fail()
  const properties = pairs(more)
  const error = bareError(Class, asText(message), properties)
  const invisible = asList(hidden)
  for (const [key, value] of properties)
    Object.defineProperty(error, asText(key), {
      value,
      enumerable: !invisible.includes(key),
      configurable: true,
      writable: true,
    })
  return error
}

/** An error without a stack: where it is read tells nothing. */
function bareError(Class: object, message: string, properties: [unknown, unknown][]): Error {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    if (Class === AggregateError) return new AggregateError([], message)
    if (Class === DOMException) return new DOMException(message, asText(new Map(properties).get('name')))
    return new (Class as ErrorConstructor)(message)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function makeGraph(content: unknown): unknown {
  const [table, root] = asList(content)
  const parts = new Map(pairs(table))
  const named = (part: object): unknown => {
    let found: unknown = part
    // A part may be nothing but the name of another one; never more often than there are parts.
    for (let hops = 0; found instanceof Reference; hops++) {
      if (hops > parts.size || !parts.has(found.id)) fail()
      found = parts.get(found.id)
    }
    return found
  }
  return replace(root, named)
}

function makeCustom(content: unknown): CustomPart {
  const [id, data] = asList(content)
  const part = new CustomPart(asText(id), data)
  customParts.push(part)
  return part
}

/** Puts in place of each object inside `root` what `by` answers for it, and goes on inside of that. */
function replace(root: unknown, by: (part: object) => unknown): unknown {
  const seen = new Set<object>()
  const queue: object[] = []
  const put = (part: unknown): unknown => {
    if (typeof part !== 'object' || part === null) return part
    const placed = by(part)
    if (placed === part || part instanceof Reference)
      if (typeof placed === 'object' && placed !== null && !seen.has(placed)) {
        seen.add(placed)
        queue.push(placed)
      }
    return placed
  }
  const whole = put(root)
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) putInside(next, put)
  return whole
}

function putInside(container: object, put: (part: unknown) => unknown): void {
  if (container instanceof Map) {
    const entries = [...container]
    container.clear()
    for (const [key, value] of entries) container.set(put(key), put(value))
  } else if (container instanceof Set) {
    const members = [...container]
    container.clear()
    for (const member of members) container.add(put(member))
  } else if (!ArrayBuffer.isView(container) && !(container instanceof CustomPart)) {
    for (const key of Object.getOwnPropertyNames(container)) {
      const part = (container as Fields)[key]
      const placed = put(part)
      if (placed !== part) Object.defineProperty(container, key, { value: placed })
    }
  }
}

/** Defines, never assigns: a key named `__proto__` is data. */
function define(target: object, entries: readonly (readonly [unknown, unknown])[]): object {
  for (const [key, value] of entries)
    Object.defineProperty(target, asText(key), { value, enumerable: true, configurable: true, writable: true })
  return target
}

function pairs(content: unknown): [unknown, unknown][] {
  const flat = asList(content)
  if (flat.length % 2 !== 0) fail()
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at], flat[2 * at + 1]])
}

function asList(content: unknown): unknown[] {
  return Array.isArray(content) ? content : fail()
}

function asText(content: unknown): string {
  return typeof content === 'string' ? content : fail()
}

function asNumber(content: unknown): number {
  return typeof content === 'number' ? content : fail()
}

function asBytes(content: unknown): Buffer {
  return Buffer.isBuffer(content) ? content : fail()
}

function fail(): never {
  throw new Error('a tagged part is not what its tag says')
}
