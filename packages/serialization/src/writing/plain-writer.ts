import { TAG } from '../formats/tagged.ts'
import { Met } from './met.ts'
import { type Fields, hasSymbols, isOdd, isPlain, MOST_FIELDS_OF_MAP } from './plain.ts'
import { columnsOf, hasKeys } from './rows.ts'
import { Words } from './words.ts'

const isOwn = Object.prototype.hasOwnProperty

/** An idle writer to reuse. There is none while one is in use, since a getter may write a value of its own. */
let spare: PlainWriter | undefined

/**
 * Writes plain data, after `reserved` free bytes, in the same walk that finds out whether it is plain: arrays and
 * objects without repeated references, of strings, numbers, booleans, dates, `null` and `undefined`. The bytes are
 * those of msgpackr for the settled value. Returns `undefined` for anything else, and for a bare string or number,
 * which needs no walk.
 *
 * @param depth The deepest nesting allowed.
 */
export function packPlain(value: unknown, depth: number, reserved: number): Buffer | undefined {
  if (typeof value !== 'object') return undefined
  const writer = spare ?? new PlainWriter()
  spare = undefined
  const written = writer.write(value, depth, reserved)
  spare = writer
  return written
}

class PlainWriter {
  readonly #words = new Words()
  /** Absent until there is a second object. */
  #met: Met | undefined
  #root: object | undefined
  #depth = 0

  write(value: unknown, depth: number, reserved: number): Buffer | undefined {
    this.#depth = depth
    this.#words.begin(reserved)
    const isPlain = this.#part(value, 0)
    this.#met = undefined // or the value would be held
    this.#root = undefined
    return isPlain ? this.#words.end() : undefined
  }

  /** Like all the methods below, returns whether the whole value was written. */
  #part(value: unknown, depth: number): boolean {
    if (typeof value === 'string') return this.#words.text(value)
    if (typeof value === 'number') {
      if (Object.is(value, -0)) return false
      this.#words.number(value)
    } else if (typeof value === 'boolean') this.#words.boolean(value)
    else if (value === null) this.#words.null()
    else if (value === undefined) this.#words.undefined()
    else return typeof value === 'object' && this.#object(value, depth + 1)
    return true
  }

  #isNew(value: object): boolean {
    if (this.#root === undefined) {
      this.#root = value
      return true
    }
    if (this.#met === undefined) {
      this.#met = new Met()
      this.#met.isNew(this.#root)
    }
    return this.#met.isNew(value)
  }

  #object(value: object, depth: number): boolean {
    if (depth > this.#depth || !this.#isNew(value)) return false
    const prototype: object | null = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return this.#fields(value as Fields, depth)
    if (prototype === Array.prototype) return this.#items(value as unknown[], depth)
    return prototype === Date.prototype && this.#date(value as Date, depth)
  }

  #fields(value: Fields, depth: number): boolean {
    const opened = this.#words.openMap()
    let count = 0
    for (const key in value) {
      if (++count > MOST_FIELDS_OF_MAP || isOdd(key) || !isOwn.call(value, key)) return false
      if (!this.#words.text(key) || !this.#part(value[key], depth)) return false
    }
    this.#words.closeMap(opened, count)
    return !hasSymbols(value)
  }

  #items(items: readonly unknown[], depth: number): boolean {
    const keys = columnsOf(items)
    if (keys && areAlike(items, keys)) return this.#rows(items, keys, depth)
    const { length } = items
    this.#words.list(length)
    for (let at = 0; at < length; at++) {
      const item = items[at]
      if ((item === undefined && !(at in items)) || !this.#part(item, depth)) return false
    }
    return true
  }

  /** Writes an array of objects with the same keys in the same order: the keys once, then all values. */
  #rows(items: readonly unknown[], keys: readonly string[], depth: number): boolean {
    const { length } = items
    this.#words.tag(TAG.rows)
    this.#words.list(2)
    this.#words.list(keys.length)
    for (const key of keys) if (!this.#words.text(key)) return false
    this.#words.list(length * keys.length)
    for (let at = 0; at < length; at++) if (!this.#row(items[at], keys, depth + 1)) return false
    return true
  }

  /** Checks the keys again, because a getter may have changed the row since. */
  #row(row: unknown, keys: readonly string[], depth: number): boolean {
    if (!isPlain(row) || !this.#isNew(row)) return false
    let at = 0
    for (const key in row) if (key !== keys[at++] || !this.#part(row[key], depth)) return false
    return at === keys.length && !hasSymbols(row)
  }

  #date(value: Date, depth: number): boolean {
    this.#words.tag(TAG.date)
    return this.#part(value.getTime(), depth)
  }
}

function areAlike(items: readonly unknown[], keys: readonly string[]): boolean {
  for (let at = 0; at < items.length; at++) {
    const item = items[at]
    if (!isPlain(item) || !hasKeys(item, keys)) return false
  }
  return true
}
