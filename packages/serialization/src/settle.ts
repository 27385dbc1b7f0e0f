import { types } from 'node:util'
import { type Awaitable, isPending } from '@cashews/core'
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
 * already is answered as it is, without a copy: whoever asks must write it at once, or take a {@link snapshot}.
 *
 * @throws {Refusal} When a part cannot be kept.
 */
export function settle(value: unknown, vocabulary: Vocabulary): Awaitable<unknown> {
  const pending: Promise<unknown>[] = []
  const settled = settleWhole(value, { ...vocabulary, pending, above: [] })
  if (pending.length === 0) return settled
  const kept = snapshot(settled)
  return allOf(pending).then(() => kept)
}

/** What one call of {@link settle} works with. */
interface Work extends Vocabulary {
  /** The encoders of custom types that have not answered yet. */
  readonly pending: Promise<unknown>[]
  /** The instances of custom types whose encoding is under way. */
  readonly above: readonly object[]
}

/** New promises may come while others are awaited. */
async function allOf(pending: Promise<unknown>[]): Promise<void> {
  for (let at = 0; at < pending.length; at++) await pending[at]
}

function settleWhole(value: unknown, work: Work): unknown {
  if (typeof value !== 'object' || value === null) return new Settler(work).settle(value, 0)
  const first = new Settler(work)
  const settled = first.settle(value, 0)
  if (first.repeated.size === 0) return settled
  return new Settler(work, first.repeated, first.encoded).settleGraph(value)
}

class Settler {
  readonly #work: Work
  readonly #seen = new Set<object>()
  /** Objects that occur more than once: those of an earlier look, or those found by this one. */
  readonly repeated: Set<object>
  /** What the encoders of custom types answered: they are asked once. */
  readonly encoded: Map<object, unknown>
  readonly #table: [id: number, content: unknown][] | undefined
  readonly #ids = new Map<object, number>()

  constructor(work: Work, repeated?: Set<object>, encoded: Map<object, unknown> = new Map()) {
    this.#work = work
    this.repeated = repeated ?? new Set()
    this.encoded = encoded
    if (repeated) this.#table = []
  }

  /** Settles a value whose repeated parts are known: each is written once, and named where it occurs. */
  settleGraph(value: unknown): Tagged {
    const root = this.settle(value, 0)
    return new Tagged(TAG.graph, [(this.#table ?? []).flat(), root])
  }

  settle(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        return value.isWellFormed() ? value : textOf(value, this, depth)
      case 'number':
        if (value === 0) return Object.is(value, -0) ? NEGATIVE_ZERO : value
        return this.#work.jsonOnly && !Number.isFinite(value) ? new Tagged(TAG.number, String(value)) : value
      case 'boolean':
        return value
      case 'undefined':
        return this.#work.jsonOnly ? UNDEFINED : value
      case 'bigint':
        return this.#work.jsonOnly || value >= INT64 || value < -INT64 ? new Tagged(TAG.bigint, hexOf(value)) : value
      case 'object':
        return value === null ? value : this.#object(value, depth + 1)
      default:
        throw new Refusal(value, `a ${typeof value} is no data`)
    }
  }

  #object(value: object, depth: number): unknown {
    if (depth > this.#work.depth) throw new Refusal(value, `it is nested more than ${this.#work.depth} levels deep`)
    if (this.#table) return this.repeated.has(value) ? this.#named(value, depth) : this.#parts(value, depth)
    if (this.#seen.has(value)) {
      this.repeated.add(value)
      return value
    }
    this.#seen.add(value)
    return this.#parts(value, depth)
  }

  /** A part that occurs more than once. */
  #named(value: object, depth: number): Tagged {
    const known = this.#ids.get(value)
    if (known !== undefined) return new Tagged(TAG.reference, known)
    const id = this.#ids.size
    this.#ids.set(value, id)
    this.#table?.push([id, this.#parts(value, depth)])
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
      if (++count > MOST_FIELDS || key === '__proto__' || key === MARK || !key.isWellFormed())
        return new Tagged(TAG.entries, this.#pairs(value, depth))
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
    const rows = this.#rows(value, depth)
    if (rows) return rows
    let copy: unknown[] | undefined
    for (let at = 0; at < value.length; at++) {
      const part = value[at]
      if (part === undefined && !(at in value)) return this.#sparse(value, depth)
      const settled = this.settle(part, depth)
      if (settled === part || Object.is(settled, part)) continue
      copy ??= value.slice()
      copy[at] = settled
    }
    return copy ?? value
  }

  /** A list of objects with the same keys in the same order: the keys once, then all values. */
  #rows(value: readonly unknown[], depth: number): Tagged | undefined {
    if (value.length < FEWEST_ROWS || this.#table || !isPlain(value[0]) || !isPlain(value[1])) return undefined
    const keys = Object.keys(value[0])
    if (keys.length === 0 || keys.some((key) => key === '__proto__' || !key.isWellFormed())) return undefined
    if (!value.every((row) => isPlain(row) && hasKeys(row, keys))) return undefined
    const flat: unknown[] = []
    for (const row of value as Fields[]) {
      if (this.#seen.has(row)) this.repeated.add(row)
      this.#seen.add(row)
      refuseSymbols(row)
      for (const key of keys) flat.push(this.settle(row[key], depth + 1))
    }
    return new Tagged(TAG.rows, [keys, flat])
  }

  #sparse(value: readonly unknown[], depth: number): Tagged {
    const pairs = Object.keys(value).filter((key) => String(Number(key) >>> 0) === key)
    return new Tagged(TAG.sparse, [
      value.length,
      pairs.flatMap((key) => [Number(key), this.settle(value[Number(key)], depth)]),
    ])
  }

  /** What a custom type is made of is a value of its own. */
  #custom(value: object, type: AnyType): Tagged {
    const work = this.#work
    if (work.above.includes(value))
      throw new Refusal(value, 'what its registered type encodes holds the instance itself')
    if (!this.encoded.has(value)) this.encoded.set(value, type.encode(value))
    const within = { ...work, above: [...work.above, value] }
    const encoded = this.encoded.get(value)
    const tagged = new Tagged(TAG.custom, undefined)
    const keep = (data: unknown): void => {
      tagged.content = [type.id, settleWhole(data, within)]
    }
    if (!isPending(encoded)) keep(encoded)
    else {
      const kept = encoded.then(keep)
      kept.catch(() => {}) // Whoever awaits the others in turn comes to this one later.
      work.pending.push(kept)
    }
    return tagged
  }

  /** All of a list, each in its place. */
  settleAll(values: Iterable<unknown>, depth: number): unknown[] {
    return Array.from(values, (value) => this.settle(value, depth))
  }

  errorOf(value: Error, name: string, depth: number): Tagged {
    const keys = Object.getOwnPropertyNames(value).filter(
      (key) => key !== 'message' && (key !== 'stack' || this.#work.errorStacks),
    )
    // It has its name from its constructor, and not for a property.
    if (value instanceof DOMException) keys.push('name')
    const more = keys.flatMap((key) => [this.settle(key, depth), this.settle((value as unknown as Fields)[key], depth)])
    const hidden = keys.filter((key) => !Object.prototype.propertyIsEnumerable.call(value, key))
    return new Tagged(TAG.error, [name, this.settle(value.message, depth), more, hidden])
  }

  bytesOf(value: Buffer): unknown {
    return this.#work.jsonOnly ? new Tagged(TAG.bytes, value.toString('base64')) : value
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

/** Text that UTF-8 cannot say, by its 16-bit units. */
function textOf(value: string, settler: Settler, _depth: number): Tagged {
  return new Tagged(TAG.text, settler.bytesOf(Buffer.from(value, 'utf16le')))
}

function hexOf(value: bigint): string {
  return value.toString(16)
}

function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function hasKeys(row: Fields, keys: readonly string[]): boolean {
  let at = 0
  for (const key in row) if (key !== keys[at++]) return false
  return at === keys.length
}

/** `Object.prototype` or `Array.prototype` of another realm, as test runners and `node:vm` have them. */
function isForeign(prototype: object): boolean {
  const above: object | null = Object.getPrototypeOf(prototype)
  if (above === null) return Object.hasOwn(prototype, 'isPrototypeOf')
  return Array.isArray(prototype) && isForeign(above)
}

function refuseSymbols(value: object): void {
  for (const symbol of Object.getOwnPropertySymbols(value))
    if (Object.prototype.propertyIsEnumerable.call(value, symbol))
      throw new Refusal(value, `it has the symbol ${String(symbol)} for a key`)
}

/** Copies what {@link settle} answered by reference, so that later changes of the value do not matter. */
export function snapshot(settled: unknown): unknown {
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
