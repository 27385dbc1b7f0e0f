import {
  type Backend,
  type BackendBase,
  type BackendHost,
  type Clock,
  checkKnown,
  checkThat,
  compileGlob,
  completeBackend,
  type Driver,
  type Expectation,
  MISS,
  type Milliseconds,
  type Miss,
  optionsFromUrl,
  type Snapshot,
  systemClock,
  ValueError,
  type Write,
  WrongTypeError,
} from '@cashews/core'

/** Settings of {@link reference}. */
export interface ReferenceOptions {
  /** Tells the time. @default the system clock */
  readonly clock?: Clock | undefined
}

/** What the store keeps for a key. */
interface Entry {
  readonly value: unknown
  readonly expiresAt: number
  readonly stamp: number
}

/**
 * The store itself: the required members, and nothing else. It keeps its entries in a Map, to be replaced by your store.
 *
 * Each member is one step, because it runs without an `await` in between. A store behind a network needs a command that is one
 * step on the server: a script, a transaction, a compare-and-set.
 */
class ReferenceStore implements BackendBase {
  readonly name = 'reference'
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  #host: BackendHost | undefined
  #writes = 0

  constructor({ clock = systemClock }: ReferenceOptions) {
    this.#clock = clock
  }

  async open(host: BackendHost): Promise<void> {
    this.#host = host
  }

  async close(): Promise<void> {
    this.#host = undefined
  }

  async get(key: string): Promise<unknown> {
    const entry = this.#find(key)
    return entry === undefined ? MISS : copyOf(entry.value)
  }

  async set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): Promise<boolean> {
    if (exists !== undefined && exists !== (this.#find(key) !== undefined)) return false
    this.#write(key, copyOf(value), this.#clock.now() + lifetime)
    return true
  }

  async delete(key: string): Promise<boolean> {
    return this.#find(key) !== undefined && this.#entries.delete(key)
  }

  async incr(key: string, by: number, lifetime: Milliseconds): Promise<number> {
    const { value, expiresAt } = this.#find(key) ?? { value: 0, expiresAt: this.#clock.now() + lifetime }
    const sum = Number(value) + by
    if (!Number.isSafeInteger(value) || !Number.isSafeInteger(sum))
      throw new WrongTypeError(`Key "${key}" does not hold a whole number that ${by} can be added to.`)
    this.#write(key, sum, expiresAt)
    return sum
  }

  *scan(pattern: string): Iterable<string> {
    const matches = compileGlob(pattern)
    for (const key of this.#entries.keys()) if (matches(key) && this.#find(key) !== undefined) yield key
  }

  async clear(): Promise<void> {
    this.#entries.clear()
  }

  async inspect(key: string): Promise<Snapshot | Miss> {
    const entry = this.#find(key)
    if (entry === undefined) return MISS
    const { value, expiresAt, stamp } = entry
    return { value: copyOf(value), timeLeft: expiresAt - this.#clock.now(), stamp }
  }

  async apply(expectations: readonly Expectation[], writes: readonly Write[]): Promise<boolean> {
    if (!expectations.every(({ key, stamp }) => this.#find(key)?.stamp === stamp)) return false
    // All values are copied before the first write, so that one that cannot be copied leaves everything as it was.
    const copies = writes.map((write) => (write.op === 'set' ? { ...write, value: copyOf(write.value) } : write))
    for (const write of copies) this.#make(write)
    return true
  }

  now(): Milliseconds {
    return this.#clock.now()
  }

  #make(write: Write): void {
    const { key } = write
    if (write.op === 'delete') {
      this.#entries.delete(key)
      return
    }
    const entry = this.#find(key)
    const kept = entry?.expiresAt ?? Number.POSITIVE_INFINITY
    const expiresAt = write.lifetime === 'keep' ? kept : this.#clock.now() + write.lifetime
    if (write.op === 'set') this.#write(key, write.value, expiresAt)
    else if (entry !== undefined) this.#write(key, entry.value, expiresAt)
  }

  /** Stores a value, which nobody else can change, with a stamp that was never used before. */
  #write(key: string, value: unknown, expiresAt: number): void {
    this.#entries.set(key, { value, expiresAt, stamp: ++this.#writes })
  }

  /** The entry of a key. Drops it if it has expired. */
  #find(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expiresAt > this.#clock.now()) return entry
    this.#entries.delete(key)
    this.#host?.removed(key, 'expired')
    return undefined
  }
}

/** Copies a value. A store that encodes values does not need this. */
function copyOf(value: unknown): unknown {
  try {
    return structuredClone(value)
  } catch (cause) {
    throw new ValueError('Only plain data can be kept.', { cause })
  }
}

/**
 * The backend to copy: small, asynchronous like a real store, and correct in every sentence of the contract.
 *
 * It grows without limit. To keep values in the process, use `memory` of `@cashews/backend-memory`.
 *
 * @throws {ConfigurationError} When an option is unknown or cannot work.
 *
 * @example
 * cache.setup(reference())
 * createCache({ drivers: [reference] }).setup('ref://')
 */
export const reference: ((options?: ReferenceOptions) => Backend) & Driver = /* @__PURE__ */ Object.assign(create, {
  schemes: ['ref'],
  fromUrl: (url: string, overrides: ReferenceOptions = {}) => create({ ...optionsFromUrl(url, {}), ...overrides }),
})

function create(options: ReferenceOptions = {}): Backend {
  checkKnown('reference', options, ['clock'])
  const { clock } = options
  checkThat(
    clock === undefined || typeof clock?.now === 'function',
    'clock must be an object with a method now()',
    clock,
  )
  return completeBackend(new ReferenceStore(options))
}
