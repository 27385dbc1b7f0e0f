import { types } from 'node:util'
import { isPending } from '@cashews/core'
import { ERRORS, VIEWS } from './built-in.ts'
import { type AnyType, typeFor } from './custom-types.ts'
import { MARK, TAG, Tagged } from './tagged.ts'

/** What the bytes of a codec can say by themselves. */
export interface Vocabulary {
  /** Whether only JSON can be said: neither `undefined`, NaN, infinities, big integers nor bytes. */
  readonly jsonOnly: boolean
  /** How deep a value may be nested. */
  readonly depth: number
  /** Whether errors keep their stack. */
  readonly errorStacks: boolean
}

/** A list of fewer alike objects is written as it is. */
const FEWEST_ROWS = 3
/** From here on a field count does not fit what msgpackr writes for a map. */
const MOST_FIELDS = 0xffff

/** Up to here a list is searched faster than a set. */
const MOST_OF_FEW = 16

const INT64 = 2n ** 63n
const NEGATIVE_ZERO = new Tagged(TAG.negativeZero, null)
const UNDEFINED = new Tagged(TAG.undefined, null)

type Fields = Record<string, unknown>

/** Thrown for a part that cannot be kept; whoever catches it finds out where the part is. */
export class Refusal extends Error {
  readonly part: unknown

  constructor(part: unknown, why: string) {
    super(why)
    this.part = part
  }
}

/**
 * Makes of a value what a codec can write: plain data, and {@link Tagged} where plain data has no word. What is plain
 * already is answered as it is, without a copy: whoever asks must write it at once. An {@link Unsettled} copy where an
 * encoder takes its time.
 *
 * @throws {Refusal} When a part cannot be kept.
 */
export function settle(value: unknown, vocabulary: Vocabulary): unknown {
  const work: Work = { vocabulary, above: NOBODY, pending: undefined }
  const settled = settleWhole(value, work)
  return work.pending === undefined ? settled : new Unsettled(snapshot(settled), work.pending)
}

/** What {@link settle} answers while encoders of custom types are at work. */
export class Unsettled {
  readonly #kept: unknown
  readonly #pending: readonly Promise<unknown>[]

  constructor(kept: unknown, pending: readonly Promise<unknown>[]) {
    this.#kept = kept
    this.#pending = pending
  }

  /** Waits until all is there. Encoders may wait for others in their turn. */
  async settled(): Promise<unknown> {
    for (let at = 0; at < this.#pending.length; at++) await this.#pending[at]
    return this.#kept
  }
}

/** What one call of {@link settle} works with. */
interface Work {
  readonly vocabulary: Vocabulary
  /** The instances of custom types whose encoding is under way. */
  readonly above: readonly object[]
  /** The encoders of custom types that have not answered yet. */
  pending: Promise<unknown>[] | undefined
}

const NOBODY: readonly object[] = []

function settleWhole(value: unknown, work: Work): unknown {
  const first = new Settler(work)
  const settled = first.settle(value, 0)
  if (first.repeated === undefined) return settled
  return new Settler(work, first.repeated, first.encoded).settleGraph(value)
}

/** Goes through a value once. */
class Settler {
  readonly #work: Work
  readonly #jsonOnly: boolean
  readonly #depth: number
  /** The objects met so far: few in a list, many in a set. */
  readonly #few: object[] = []
  #many: Set<object> | undefined
  /** Objects that occur more than once: those that this look finds, or those that an earlier one found. */
  repeated: Set<object> | undefined
  /** What the encoders of custom types answered: they are asked once. */
  encoded: Map<object, unknown> | undefined
  /** The repeated parts, each as soon as it is settled. Absent while they are looked for. */
  readonly #table: unknown[] | undefined
  readonly #ids: Map<object, number> | undefined

  constructor(work: Work, repeated?: Set<object>, encoded?: Map<object, unknown>) {
    this.#work = work
    this.#jsonOnly = work.vocabulary.jsonOnly
    this.#depth = work.vocabulary.depth
    this.repeated = repeated
    this.encoded = encoded
    if (repeated === undefined) return
    this.#table = []
    this.#ids = new Map()
  }

  /** Settles a value whose repeated parts are known: each is written once, and named where it occurs. */
  settleGraph(value: unknown): Tagged {
    const root = this.settle(value, 0)
    return new Tagged(TAG.graph, [this.#table, root])
  }

  settle(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        if (value === 0) return Object.is(value, -0) ? NEGATIVE_ZERO : value
        return this.#jsonOnly && !Number.isFinite(value) ? new Tagged(TAG.number, String(value)) : value
      case 'undefined':
        return this.#jsonOnly ? UNDEFINED : value
      case 'bigint':
        return this.#jsonOnly || value >= INT64 || value < -INT64 ? new Tagged(TAG.bigint, value.toString(16)) : value
      case 'object':
        return value === null ? value : this.#object(value, depth + 1)
      default:
        throw new Refusal(value, `a ${typeof value} is no data`)
    }
  }

  #object(value: object, depth: number): unknown {
    if (depth > this.#depth) throw new Refusal(value, `it is nested more than ${this.#depth} levels deep`)
    if (this.#table !== undefined)
      return this.repeated?.has(value) ? this.#named(value, depth) : this.#parts(value, depth)
    return this.#isNew(value) ? this.#parts(value, depth) : value
  }

  /** Notes an object; one that was met before as repeated. */
  #isNew(value: object): boolean {
    const few = this.#few
    if (this.#many === undefined) {
      for (let at = 0; at < few.length; at++) if (few[at] === value) return this.#isRepeated(value)
      few.push(value)
      if (few.length === MOST_OF_FEW) this.#many = new Set(few)
      return true
    }
    const { size } = this.#many
    return this.#many.add(value).size > size || this.#isRepeated(value)
  }

  #isRepeated(value: object): false {
    this.repeated ??= new Set()
    this.repeated.add(value)
    return false
  }

  /** A part that occurs more than once. */
  #named(value: object, depth: number): Tagged {
    const ids = this.#ids as Map<object, number>
    const known = ids.get(value)
    if (known !== undefined) return new Tagged(TAG.reference, known)
    const id = ids.size
    ids.set(value, id)
    const content = this.#parts(value, depth)
    this.#table?.push(id, content)
    return new Tagged(TAG.reference, id)
  }

  #parts(value: object, depth: number): unknown {
    const prototype: object | null = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return this.#fields(value as Fields, depth)
    if (prototype === Array.prototype) return this.#items(value as unknown[], depth)
    if (prototype === null) return new Tagged(TAG.bare, this.#pairs(value as Fields, depth))
    const type = typeFor(prototype)
    if (type) return this.#custom(value, type)
    const builtIn = BUILT_IN.get(prototype)
    if (builtIn) return builtIn(value, this, depth)
    if (isForeign(prototype))
      return Array.isArray(value) ? this.#items(value, depth) : this.#fields(value as Fields, depth)
    throw new Refusal(value, 'nobody registered its class')
  }

  #fields(value: Fields, depth: number): unknown {
    let copy: Fields | undefined
    let count = 0
    for (const key in value) {
      if (++count > MOST_FIELDS || isOdd(key)) return new Tagged(TAG.entries, this.#pairs(value, depth))
      const part = value[key]
      const settled = this.settle(part, depth)
      if (settled === part || Object.is(settled, part)) continue
      copy ??= { ...value }
      copy[key] = settled
    }
    refuseSymbols(value)
    return copy ?? value
  }

  /** Keys and values in turn, for what is no usual object. */
  #pairs(value: Fields, depth: number): unknown[] {
    refuseSymbols(value)
    return Object.keys(value).flatMap((key) => [this.settle(key, depth), this.settle(value[key], depth)])
  }

  #items(value: readonly unknown[], depth: number): unknown {
    if (value.length >= FEWEST_ROWS && this.#table === undefined) {
      const keys = this.#columnsOf(value[0], value[1])
      if (keys) return this.#rows(value, keys, depth)
    }
    return this.#list(value, 0, undefined, depth)
  }

  /** The items from `from` on, behind those that were copied before. */
  #list(value: readonly unknown[], from: number, copied: unknown[] | undefined, depth: number): unknown {
    let copy = copied
    for (let at = from; at < value.length; at++) {
      const part = value[at]
      if (part === undefined && !(at in value)) return this.#sparse(value, depth)
      const settled = this.settle(part, depth)
      if (copied === undefined) {
        if (settled === part || Object.is(settled, part)) continue
        copy ??= value.slice()
        copy[at] = settled
      } else copied.push(settled)
    }
    return copy ?? value
  }

  /** The keys of two objects, when they have the same in the same order, and none is odd. */
  #columnsOf(one: unknown, other: unknown): string[] | undefined {
    if (!isPlain(one) || !isPlain(other)) return undefined
    const keys = Object.keys(one)
    return keys.length > 0 && hasKeys(other, keys) && !keys.some((key) => isOdd(key)) ? keys : undefined
  }

  /** A list of objects with the same keys in the same order: the keys once, then all values. */
  #rows(value: readonly unknown[], keys: readonly string[], depth: number): unknown {
    const flat: unknown[] = []
    for (let at = 0; at < value.length; at++) {
      const row = value[at]
      if (!isPlain(row) || !hasKeys(row, keys) || !this.#isNew(row))
        return this.#list(value, at, rowsOf(keys, flat), depth)
      for (const key in row) flat.push(this.settle(row[key], depth + 1))
      refuseSymbols(row)
    }
    return new Tagged(TAG.rows, [keys, flat])
  }

  /** A list with holes, of which nothing was copied yet or all is settled anew. */
  #sparse(value: readonly unknown[], depth: number): Tagged {
    const keys = Object.keys(value).filter((key) => String(Number(key) >>> 0) === key)
    const items = keys.flatMap((key) => [Number(key), this.settle(value[Number(key)], depth)])
    return new Tagged(TAG.sparse, [value.length, items])
  }

  /** What a custom type is made of is a value of its own. */
  #custom(value: object, type: AnyType): Tagged {
    const { vocabulary, above } = this.#work
    if (above.includes(value)) throw new Refusal(value, 'what its registered type encodes holds the instance itself')
    this.encoded ??= new Map()
    if (!this.encoded.has(value)) this.encoded.set(value, type.encode(value))
    const encoded = this.encoded.get(value)
    const tagged = new Tagged(TAG.custom, undefined)
    const keep = (data: unknown): void => {
      const within: Work = { vocabulary, above: [...above, value], pending: undefined }
      tagged.content = [type.id, settleWhole(data, within)]
      if (within.pending) this.#wait(...within.pending)
    }
    if (!isPending(encoded)) keep(encoded)
    else {
      const kept = encoded.then((data) => {
        keep(data)
        snapshot(tagged) // Others may still be waited for.
      })
      kept.catch(() => {}) // Whoever awaits the others in turn comes to this one later.
      this.#wait(kept)
    }
    return tagged
  }

  #wait(...pending: Promise<unknown>[]): void {
    this.#work.pending ??= []
    this.#work.pending.push(...pending)
  }

  /** All of a list, each in its place. */
  settleAll(values: Iterable<unknown>, depth: number): unknown[] {
    return Array.from(values, (value) => this.settle(value, depth))
  }

  errorOf(value: Error, name: string, depth: number): Tagged {
    const keys = Object.getOwnPropertyNames(value).filter(
      (key) => key !== 'message' && (key !== 'stack' || this.#work.vocabulary.errorStacks),
    )
    // It has its name from its constructor, and not for a property.
    if (value instanceof DOMException) keys.push('name')
    const more = keys.flatMap((key) => [this.settle(key, depth), this.settle((value as unknown as Fields)[key], depth)])
    const hidden = keys.filter((key) => !Object.prototype.propertyIsEnumerable.call(value, key))
    return new Tagged(TAG.error, [name, this.settle(value.message, depth), more, hidden])
  }

  bytesOf(value: Buffer): unknown {
    return this.#jsonOnly ? new Tagged(TAG.bytes, value.toString('base64')) : value
  }
}

type Encoder = (value: never, settler: Settler, depth: number) => unknown

/** The classes of the language and of Node that are data. An instance of a subclass is none of them. */
const BUILT_IN: ReadonlyMap<object, (value: unknown, settler: Settler, depth: number) => unknown> = new Map(
  (
    [
      [Date, (value: Date, s, depth) => new Tagged(TAG.date, s.settle(value.getTime(), depth))],
      [Map, (value: Map<unknown, unknown>, s, depth) => new Tagged(TAG.map, s.settleAll([...value].flat(), depth))],
      [Set, (value: Set<unknown>, s, depth) => new Tagged(TAG.set, s.settleAll(value, depth))],
      [URL, (value: URL) => new Tagged(TAG.url, value.href)],
      [URLSearchParams, (value: URLSearchParams) => new Tagged(TAG.urlSearchParams, String(value))],
      [Buffer, (value: Buffer, s) => s.bytesOf(value)],
      ...VIEWS.map((View): [{ prototype: object; name: string }, Encoder] => [
        View,
        (value: ArrayBuffer | ArrayBufferView, s) => new Tagged(TAG.view, [View.name, s.bytesOf(viewOf(value))]),
      ]),
      ...ERRORS.map((Class): [{ prototype: object; name: string }, Encoder] => [
        Class,
        (value: Error, s, depth) => s.errorOf(value, Class.name, depth),
      ]),
    ] satisfies [{ prototype: object; name: string }, Encoder][]
  ).map(([Class, encode]) => [Class.prototype, encode as never]),
)

function viewOf(value: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength)
    : Buffer.from(value)
}

/** Tells whether a key would not be read as a key. */
function isOdd(key: string): boolean {
  return key === '__proto__' || key === MARK
}

function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function hasKeys(row: Fields, keys: readonly string[]): boolean {
  let at = 0
  for (const key in row) if (key !== keys[at++]) return false
  return at === keys.length
}

/** Objects again, of which only the settled values are left. */
function rowsOf(keys: readonly string[], flat: readonly unknown[]): unknown[] {
  const rows: Fields[] = []
  for (let at = 0; at < flat.length; at += keys.length)
    rows.push(Object.fromEntries(keys.map((key, column) => [key, flat[at + column]])))
  return rows
}

/** `Object.prototype` or `Array.prototype` of another realm, as test runners and `node:vm` have them. */
function isForeign(prototype: object): boolean {
  const above: object | null = Object.getPrototypeOf(prototype)
  if (above === null) return Object.hasOwn(prototype, 'isPrototypeOf')
  return Array.isArray(prototype) && isForeign(above)
}

function refuseSymbols(value: object): void {
  const symbols = Object.getOwnPropertySymbols(value)
  if (symbols.length === 0) return
  for (const symbol of symbols)
    if (Object.prototype.propertyIsEnumerable.call(value, symbol))
      throw new Refusal(value, `it has the symbol ${String(symbol)} for a key`)
}

/** Copies what {@link settle} answered by reference, so that later changes of the value do not matter. */
function snapshot(settled: unknown): unknown {
  if (typeof settled !== 'object' || settled === null) return settled
  if (types.isUint8Array(settled)) return Buffer.from(settled)
  if (Array.isArray(settled)) return settled.map(snapshot)
  if (settled instanceof Tagged) {
    if (settled.tag !== TAG.custom) return new Tagged(settled.tag, snapshot(settled.content))
    if (settled.content !== undefined) settled.content = snapshot(settled.content)
    return settled
  }
  const copy: Fields = {}
  for (const key of Object.keys(settled)) copy[key] = snapshot((settled as Fields)[key])
  return copy
}
