import { isBytesAlone, packBytes } from './bytes-alone.ts'
import { Met } from './met.ts'
import { Output } from './output.ts'
import { columnsOf, type Fields } from './rows.ts'
import { TAG, Tagged } from './tagged.ts'
import { INT64 } from './words.ts'

/**
 * Writes a value as MessagePack after `reserved` free bytes, by one walk that also finds out whether that says all of it:
 * plain objects and lists, each met once, of text, numbers, booleans, `null`, `undefined`, dates and Buffers. Answers
 * `undefined` when there is more to it, or when it must be refused.
 *
 * @param depth How deep it may be nested.
 */
export function packPlain(value: unknown, depth: number, reserved: number): Buffer | undefined {
  if (isBytesAlone(value)) return packBytes(value, reserved)
  const packer = take()
  try {
    return packer.plain(value, depth, reserved)
  } finally {
    spare = packer
  }
}

/** Writes settled data as MessagePack after `reserved` free bytes. */
export function packSettled(settled: unknown, reserved: number): Buffer {
  const packer = take()
  try {
    return packer.settled(settled, reserved)
  } finally {
    spare = packer
  }
}

let spare: Packer | undefined

/** A packer that nobody uses: while one is at work, a getter may write a value of its own. */
function take(): Packer {
  const packer = spare ?? new Packer()
  spare = undefined
  return packer
}

const NOTHING = new Met()

class Packer {
  readonly #output = new Output()
  #met = NOTHING
  #depth = 0
  /** Whether nothing was met so far that plain data has no word for. */
  #isPlain = true

  plain(value: unknown, depth: number, reserved: number): Buffer | undefined {
    this.#met = new Met()
    this.#depth = depth
    this.#isPlain = !isEveryObjectExtended()
    this.#output.begin(reserved)
    this.#value(value, 0)
    this.#met = NOTHING
    return this.#isPlain ? this.#output.finish() : undefined
  }

  settled(settled: unknown, reserved: number): Buffer {
    this.#isPlain = true
    this.#output.begin(reserved)
    this.#settled(settled)
    if (!this.#isPlain) throw new Error('it changed while it was written')
    return this.#output.finish()
  }

  #value(value: unknown, depth: number): void {
    if (typeof value !== 'object') this.#leaf(value)
    else if (value === null) this.#output.null()
    else this.#object(value, depth + 1)
  }

  /** Writes what is no object. */
  #leaf(value: unknown): void {
    if (typeof value === 'string') this.#output.text(value)
    else if (typeof value === 'number') this.#output.number(value)
    else if (typeof value === 'boolean') this.#output.boolean(value)
    else if (value === undefined) this.#output.undefined()
    else if (typeof value === 'bigint' && value <= INT64.most && value >= INT64.least) this.#output.bigint(value)
    else this.#isPlain = false
  }

  #object(value: object, depth: number): void {
    if (depth > this.#depth || !this.#met.isNew(value)) {
      this.#isPlain = false
      return
    }
    const prototype: object | null = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) this.#fields(value as Fields, depth)
    else if (prototype === Array.prototype) this.#items(value as unknown[], depth)
    else if (prototype === Date.prototype) this.#date(value as Date)
    else if (prototype === Buffer.prototype) this.#output.bytes(value as Buffer)
    else this.#isPlain = false
  }

  #fields(value: Fields, depth: number): void {
    const map = this.#output.openMap()
    let size = 0
    for (const key in value) {
      size++
      this.#key(key)
      this.#value(value[key], depth)
      if (!this.#isPlain) return
    }
    if (hasSymbols(value)) this.#isPlain = false
    this.#output.closeMap(map, size)
  }

  #key(key: string): void {
    if (key === '__proto__' || !this.#output.key(key)) this.#isPlain = false
  }

  #items(value: readonly unknown[], depth: number): void {
    const columns = columnsOf(value)
    if (columns) this.#rows(value as readonly Fields[], columns, depth)
    else this.#list(value, depth)
  }

  #list(value: readonly unknown[], depth: number): void {
    const { length } = value
    this.#output.list(length)
    for (let at = 0; at < length && this.#isPlain; at++) {
      const item = value[at]
      if (item === undefined && !(at in value)) this.#isPlain = false
      this.#value(item, depth)
    }
  }

  #rows(rows: readonly Fields[], columns: readonly string[], depth: number): void {
    this.#output.tag(TAG.rows)
    this.#output.list(2)
    this.#output.list(columns.length)
    for (const column of columns) this.#key(column)
    this.#output.list(columns.length * rows.length)
    for (let at = 0; at < rows.length && this.#isPlain; at++) this.#row(rows[at] as Fields, columns.length, depth + 1)
  }

  #row(row: Fields, columns: number, depth: number): void {
    let size = 0
    for (const key in row) {
      size++
      this.#value(row[key], depth)
    }
    // A getter may have changed it since it was looked at.
    if (size !== columns || !this.#met.isNew(row) || hasSymbols(row)) this.#isPlain = false
  }

  #date(value: Date): void {
    this.#output.tag(TAG.date)
    this.#output.number(value.getTime())
  }

  #settled(part: unknown): void {
    if (typeof part !== 'object') this.#leaf(part)
    else if (part === null) this.#output.null()
    else if (part instanceof Tagged) {
      this.#output.tag(part.tag)
      this.#settled(part.content)
    } else if (Array.isArray(part)) {
      this.#output.list(part.length)
      for (const item of part) this.#settled(item)
    } else if (Buffer.isBuffer(part)) this.#output.bytes(part)
    else this.#settledFields(part as Fields)
  }

  #settledFields(part: Fields): void {
    const map = this.#output.openMap()
    const keys = Object.keys(part)
    for (const key of keys) {
      this.#key(key)
      this.#settled(part[key])
    }
    this.#output.closeMap(map, keys.length)
  }
}

/** Whether somebody gave all objects enumerable properties, which a walk would take for theirs. */
function isEveryObjectExtended(): boolean {
  for (const _ in Object.prototype) return true
  return false
}

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0
}
