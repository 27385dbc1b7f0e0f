import {
  type BackendBase,
  compileGlob,
  type Expectation,
  MISS,
  type Milliseconds,
  type Miss,
  type Snapshot,
  type Write,
  WrongTypeError,
} from '@cashews/core'

/** The required members of a backend on a Map, answered at once. Time stands still. */
export class MapStore implements BackendBase {
  readonly name = 'map'
  /** How often each member was called. */
  readonly calls: Record<string, number> = {}
  readonly #entries = new Map<string, Snapshot>()
  #writes = 0

  open(): void {}
  close(): void {}

  get(key: string): unknown {
    this.#count('get')
    const entry = this.#entries.get(key)
    return entry === undefined ? MISS : structuredClone(entry.value)
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): boolean {
    if (exists !== undefined && exists !== this.#entries.has(key)) return false
    this.#entries.set(key, { value: structuredClone(value), timeLeft: lifetime, stamp: ++this.#writes })
    return true
  }

  delete(key: string): boolean {
    return this.#entries.delete(key)
  }

  incr(key: string, by: number, lifetime: Milliseconds): number {
    const { value, timeLeft } = this.#entries.get(key) ?? { value: 0, timeLeft: lifetime }
    if (!Number.isInteger(value)) throw new WrongTypeError(key)
    this.set(key, Number(value) + by, timeLeft)
    return Number(value) + by
  }

  *scan(pattern: string): Iterable<string> {
    for (const key of this.#entries.keys()) if (compileGlob(pattern)(key)) yield key
  }

  clear(): void {
    this.#entries.clear()
  }

  inspect(key: string): Snapshot | Miss {
    this.#count('inspect')
    return this.#entries.get(key) ?? MISS
  }

  apply(expectations: readonly Expectation[], writes: readonly Write[]): boolean {
    this.#count('apply')
    if (expectations.some(({ key, stamp }) => this.#entries.get(key)?.stamp !== stamp)) return false
    for (const write of writes) {
      const kept = this.#entries.get(write.key)
      if (write.op === 'delete') this.delete(write.key)
      else if (write.op === 'expire') kept && this.set(write.key, kept.value, write.lifetime)
      else {
        const lifetime = write.lifetime === 'keep' ? (kept?.timeLeft ?? Number.POSITIVE_INFINITY) : write.lifetime
        this.set(write.key, write.value, lifetime)
      }
    }
    return true
  }

  #count(member: string): void {
    this.calls[member] = (this.calls[member] ?? 0) + 1
  }
}

/** The same store behind a wire: every answer takes a turn of the event loop there and one back. */
export class RemoteStore implements BackendBase {
  readonly name = 'remote'
  readonly calls: Record<string, number>
  readonly #store: MapStore = new MapStore()

  constructor() {
    this.calls = this.#store.calls
  }

  open(): void {}
  close(): void {}
  get(key: string): Promise<unknown> {
    return this.#ask(() => this.#store.get(key))
  }
  set(...args: Parameters<MapStore['set']>): Promise<boolean> {
    return this.#ask(() => this.#store.set(...args))
  }
  delete(key: string): Promise<boolean> {
    return this.#ask(() => this.#store.delete(key))
  }
  incr(...args: Parameters<MapStore['incr']>): Promise<number> {
    return this.#ask(() => this.#store.incr(...args))
  }
  async *scan(pattern: string): AsyncIterable<string> {
    yield* this.#store.scan(pattern)
  }
  clear(): Promise<void> {
    return this.#ask(() => this.#store.clear())
  }
  inspect(key: string): Promise<Snapshot | Miss> {
    return this.#ask(() => this.#store.inspect(key))
  }
  apply(...args: Parameters<MapStore['apply']>): Promise<boolean> {
    return this.#ask(() => this.#store.apply(...args))
  }

  async #ask<T>(question: () => T): Promise<T> {
    await new Promise((resolve) => setImmediate(resolve))
    const answer = question()
    await new Promise((resolve) => setImmediate(resolve))
    return answer
  }
}
