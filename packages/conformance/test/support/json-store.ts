import {
  type BackendBase,
  type Clock,
  compileGlob,
  type Expectation,
  MISS,
  type Milliseconds,
  type Miss,
  type Snapshot,
  ValueError,
  type Write,
  WrongTypeError,
} from '@cashews/core'

interface Row {
  readonly json: string
  readonly expiresAt: number
  readonly stamp: string
}

/**
 * The required members, and nothing else, in a store that is as different from the reference as can be: it answers at
 * once, keeps nothing but JSON, forgets what has expired without a word, and knows stamps as text.
 */
export class JsonStore implements BackendBase {
  readonly name = 'json'
  readonly #clock: Clock
  readonly #rows: Record<string, Row> = Object.create(null)
  #writes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  open(): void {}
  close(): void {}

  get(key: string): unknown {
    const row = this.#row(key)
    return row === undefined ? MISS : JSON.parse(row.json).value
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): boolean {
    if (exists !== undefined && exists !== (this.#row(key) !== undefined)) return false
    this.#put(key, value, this.#clock.now() + lifetime)
    return true
  }

  delete(key: string): boolean {
    return this.#row(key) !== undefined && delete this.#rows[key]
  }

  incr(key: string, by: number, lifetime: Milliseconds): number {
    const value = this.get(key)
    const sum = (value === MISS ? 0 : Number(value)) + by
    if ((value !== MISS && !Number.isSafeInteger(value)) || !Number.isSafeInteger(sum))
      throw new WrongTypeError(`Key "${key}" does not hold a whole number.`)
    this.#put(key, sum, this.#row(key)?.expiresAt ?? this.#clock.now() + lifetime)
    return sum
  }

  scan(pattern: string): Iterable<string> {
    return Object.keys(this.#rows).filter((key) => compileGlob(pattern)(key) && this.#row(key) !== undefined)
  }

  clear(): void {
    for (const key of Object.keys(this.#rows)) delete this.#rows[key]
  }

  inspect(key: string): Snapshot | Miss {
    const row = this.#row(key)
    if (row === undefined) return MISS
    return { value: this.get(key), timeLeft: row.expiresAt - this.#clock.now(), stamp: row.stamp }
  }

  apply(expectations: readonly Expectation[], writes: readonly Write[]): boolean {
    if (!expectations.every(({ key, stamp }) => this.#row(key)?.stamp === stamp)) return false
    for (const write of writes) if (write.op === 'set') jsonOf(write.value)
    for (const write of writes) {
      const row = this.#row(write.key)
      if (write.op === 'delete') this.delete(write.key)
      else if (write.op === 'expire') row && this.set(write.key, this.get(write.key), write.lifetime)
      else if (write.lifetime !== 'keep') this.set(write.key, write.value, write.lifetime)
      else this.#put(write.key, write.value, row?.expiresAt ?? Number.POSITIVE_INFINITY)
    }
    return true
  }

  now(): Milliseconds {
    return this.#clock.now()
  }

  #row(key: string): Row | undefined {
    const row = this.#rows[key]
    return row !== undefined && row.expiresAt > this.#clock.now() ? row : undefined
  }

  #put(key: string, value: unknown, expiresAt: number): void {
    this.#rows[key] = { json: jsonOf(value), expiresAt, stamp: `v${++this.#writes}` }
  }
}

function jsonOf(value: unknown): string {
  if (typeof value === 'function') throw new ValueError('JSON cannot say a function.')
  return JSON.stringify({ value })
}
