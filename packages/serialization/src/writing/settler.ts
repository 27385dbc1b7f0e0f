import { isPending } from '@cashews/core'
import { TAG, Tagged } from '../formats/tagged.ts'
import { type AnyType, callOf, typeFor } from '../types/custom-types.ts'
import { encoderOf } from './built-in-encoders.ts'
import { Met } from './met.ts'
import { type Fields, isForeign, isOdd, isPlain, MOST_FIELDS_OF_MAP, refuseSymbols } from './plain.ts'
import { Refusal, UNREGISTERED } from './refusal.ts'
import { columnsOf, hasKeys, rowsOf } from './rows.ts'
import { snapshot } from './snapshot.ts'

/** What a codec can represent without {@link Tagged} parts. */
export interface Vocabulary {
  /** Whether only JSON can be represented: no `undefined`, NaN, infinities, big integers or bytes. */
  readonly jsonOnly: boolean
  /** How deep a value may be nested. */
  readonly depth: number
  /** Whether errors keep their stack. */
  readonly errorStacks: boolean
}

/** The state while a value is settled, shared by the values of custom types inside it. */
export interface Work {
  readonly vocabulary: Vocabulary
  /** The instances of custom types whose encoding is under way. */
  readonly above: readonly object[]
  /** The encoders of custom types that have not finished. */
  pending: Promise<unknown>[] | undefined
}

/** The parts that occur more than once, with their numbers. */
interface Names {
  readonly of: ReadonlySet<object>
  /** The numbers of those that were found so far. */
  readonly ids: Map<object, number>
  /** Numbers and settled parts, alternating. */
  readonly table: unknown[]
}

const INT64 = 2n ** 63n
const NEGATIVE_ZERO = new Tagged(TAG.negativeZero, null)
const UNDEFINED = new Tagged(TAG.undefined, null)

/** Settles a whole value, with the parts that are repeated inside it. */
export function settleWhole(value: unknown, work: Work): unknown {
  const first = new Settler(work)
  const settled = first.settle(value, 0)
  const { repeated } = first.met
  if (repeated === undefined) return settled
  return new Settler(work, repeated, first.encoded).settleGraph(value)
}

/** Settles a value in one walk. If any parts turn out to be repeated, a second settler that knows them does it again. */
export class Settler {
  readonly vocabulary: Vocabulary
  readonly #work: Work
  readonly #jsonOnly: boolean
  readonly #depth: number
  /** The objects found so far. */
  readonly met: Met = new Met()
  /** What the encoders of custom types returned: they are called only once for each instance. */
  encoded: Map<object, unknown> | undefined
  /** The repeated parts. Absent during the first walk, which finds them. */
  readonly #names: Names | undefined

  constructor(work: Work, repeated?: ReadonlySet<object>, encoded?: Map<object, unknown>) {
    this.vocabulary = work.vocabulary
    this.#work = work
    this.#jsonOnly = work.vocabulary.jsonOnly
    this.#depth = work.vocabulary.depth
    this.encoded = encoded
    this.#names = repeated && { of: repeated, ids: new Map(), table: [] }
  }

  /** Settles a value whose repeated parts are known: each is written once, and referred to where it occurs. */
  settleGraph(value: unknown): Tagged {
    const root = this.settle(value, 0)
    return new Tagged(TAG.graph, [this.#names?.table, root])
  }

  /** Settles a part that is inside of `depth` objects. */
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
        throw new Refusal(value, `a ${typeof value} is not data`)
    }
  }

  #object(value: object, depth: number): unknown {
    if (depth > this.#depth) throw new Refusal(value, `it is nested more than ${this.#depth} levels deep`)
    const names = this.#names
    if (names === undefined) return this.met.isNew(value) ? this.#parts(value, depth) : value
    return names.of.has(value) ? this.#named(value, names, depth) : this.#parts(value, depth)
  }

  /** A reference to a repeated part. */
  #named(value: object, { ids, table }: Names, depth: number): Tagged {
    const known = ids.get(value)
    if (known !== undefined) return new Tagged(TAG.reference, known)
    const id = ids.size
    ids.set(value, id)
    const content = this.#parts(value, depth)
    table.push(id, content)
    return new Tagged(TAG.reference, id)
  }

  #parts(value: object, depth: number): unknown {
    const prototype: object | null = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return this.#fields(value as Fields, depth)
    if (prototype === Array.prototype) return this.#items(value as unknown[], depth)
    if (prototype === null) return new Tagged(TAG.bare, this.#pairs(value as Fields, depth))
    const type = typeFor(prototype)
    if (type) return this.#custom(value, type)
    const builtIn = encoderOf(value, prototype)
    if (builtIn) return builtIn(value, this, depth)
    if (isForeign(prototype))
      return Array.isArray(value) ? this.#items(value, depth) : this.#fields(value as Fields, depth)
    throw new Refusal(value, UNREGISTERED)
  }

  #fields(value: Fields, depth: number): unknown {
    let copy: Fields | undefined
    let count = 0
    for (const key in value) {
      if (++count > MOST_FIELDS_OF_MAP || isOdd(key)) return new Tagged(TAG.entries, this.#pairs(value, depth))
      const part = value[key]
      if (typeof part === 'string' || typeof part === 'boolean') continue
      const settled = this.settle(part, depth)
      if (Object.is(settled, part)) continue
      copy ??= { ...value }
      copy[key] = settled
    }
    refuseSymbols(value)
    return copy ?? value
  }

  /** Keys and values, alternating, for objects that a map cannot represent. */
  #pairs(value: Fields, depth: number): unknown[] {
    refuseSymbols(value)
    return Object.keys(value).flatMap((key) => [this.settle(key, depth), this.settle(value[key], depth)])
  }

  #items(value: readonly unknown[], depth: number): unknown {
    const keys = this.#names === undefined ? columnsOf(value) : undefined
    return keys ? this.#rows(value, keys, depth) : this.#list(value, 0, undefined, depth)
  }

  /** Settles the items from `from` on, and adds them to those in `copied`. */
  #list(value: readonly unknown[], from: number, copied: unknown[] | undefined, depth: number): unknown {
    let copy = copied
    for (let at = from; at < value.length; at++) {
      const part = value[at]
      if (part === undefined && !(at in value)) return this.#sparse(value, depth)
      const settled = this.settle(part, depth)
      if (copied === undefined) {
        if (Object.is(settled, part)) continue
        copy ??= value.slice()
        copy[at] = settled
      } else copied.push(settled)
    }
    return copy ?? value
  }

  /** A list of objects with the same keys in the same order: the keys once, then all values. */
  #rows(value: readonly unknown[], keys: readonly string[], depth: number): unknown {
    const flat: unknown[] = []
    for (let at = 0; at < value.length; at++) {
      const row = value[at]
      if (!isPlain(row) || !hasKeys(row, keys) || !this.met.isNew(row))
        return this.#list(value, at, rowsOf(keys, flat), depth)
      for (const key in row) flat.push(this.settle(row[key], depth + 1))
      refuseSymbols(row)
    }
    return new Tagged(TAG.rows, [keys, flat])
  }

  /** A list with holes: all of its items are settled again. */
  #sparse(value: readonly unknown[], depth: number): Tagged {
    const keys = Object.keys(value).filter((key) => String(Number(key) >>> 0) === key)
    const items = keys.flatMap((key) => [Number(key), this.settle(value[Number(key)], depth)])
    return new Tagged(TAG.sparse, [value.length, items])
  }

  /** An instance of a custom type: its content is settled as a whole value of its own. */
  #custom(value: object, type: AnyType): Tagged {
    const { vocabulary, above } = this.#work
    if (above.includes(value))
      throw new Refusal(value, 'the encoded form of its registered type contains the instance itself')
    this.encoded ??= new Map()
    if (!this.encoded.has(value)) {
      const answer = callOf(type.id, () => type.encode(value))
      this.encoded.set(value, answer)
    }
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
        snapshot(tagged) // Other encoders may not have finished.
      })
      kept.catch(() => {}) // Handled later, when `settled` comes to await this one.
      this.#wait(kept)
    }
    return tagged
  }

  #wait(...pending: Promise<unknown>[]): void {
    this.#work.pending ??= []
    this.#work.pending.push(...pending)
  }

  /** Settles each value of a list. */
  settleAll(values: Iterable<unknown>, depth: number): unknown[] {
    return Array.from(values, (value) => this.settle(value, depth))
  }
}
