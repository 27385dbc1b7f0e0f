import {
  compileGlob,
  type Expectation,
  MISS,
  type Milliseconds,
  type Miss,
  type Snapshot,
  type Stamp,
  type WindowCount,
  type WindowSlice,
  type Write,
  WrongTypeError,
} from '@cashews/core'

type Kind = 'value' | 'bits' | 'window' | 'set'

interface Item {
  readonly kind: Kind
  readonly content: unknown
  readonly expiresAt: number
  readonly stamp: Stamp
}

/**
 * The simplest implementation of the contract: one Map, one command after another. Random commands are sent to it and to a
 * backend, and must have the same answers.
 */
export class Model {
  /** Later than every instant in the random windows. */
  #now = 1e12
  #writes = 0
  readonly #items = new Map<string, Item>()
  readonly #locks = new Map<string, { readonly token: string; readonly expiresAt: number }>()

  elapse(duration: Milliseconds): void {
    this.#now += duration
  }

  get(key: string): unknown {
    const item = this.#find(key)
    return item?.kind === 'value' ? item.content : MISS
  }

  set(key: string, value: unknown, lifetime: Milliseconds, exists?: boolean): boolean {
    if (exists !== undefined && exists !== this.exists(key)) return false
    this.#put(key, 'value', value, this.#now + lifetime)
    return true
  }

  delete(key: string): boolean {
    const there = this.exists(key)
    this.#items.delete(key)
    return there
  }

  incr(key: string, by: number, lifetime: Milliseconds): number {
    const item = this.#find(key)
    const value = item === undefined ? 0 : this.get(key)
    if (!Number.isSafeInteger(value)) throw new WrongTypeError('no whole number')
    this.#put(key, 'value', Number(value) + by, item?.expiresAt ?? this.#now + lifetime)
    return Number(value) + by
  }

  scan(pattern: string): string[] {
    return [...this.#items.keys()].filter((key) => compileGlob(pattern)(key) && this.exists(key))
  }

  clear(): void {
    this.#items.clear()
  }

  inspect(key: string): Snapshot | Miss {
    const item = this.#find(key)
    if (item === undefined) return MISS
    return { value: this.get(key), timeLeft: item.expiresAt - this.#now, stamp: item.stamp }
  }

  apply(expectations: readonly Expectation[], writes: readonly Write[]): boolean {
    if (expectations.some(({ key, stamp }) => this.#find(key)?.stamp !== stamp)) return false
    for (const write of writes) {
      if (write.op === 'delete') this.delete(write.key)
      else if (write.op === 'expire') this.expire(write.key, write.lifetime)
      else if (write.lifetime !== 'keep') this.set(write.key, write.value, write.lifetime)
      else this.#put(write.key, 'value', write.value, this.#find(write.key)?.expiresAt ?? Number.POSITIVE_INFINITY)
    }
    return true
  }

  exists(key: string): boolean {
    return this.#find(key) !== undefined
  }

  expire(key: string, lifetime: Milliseconds): boolean {
    const item = this.#find(key)
    if (item === undefined) return false
    this.#items.set(key, { ...item, expiresAt: this.#now + lifetime, stamp: ++this.#writes })
    return true
  }

  timeLeft(key: string): Milliseconds | Miss {
    const item = this.#find(key)
    return item === undefined ? MISS : item.expiresAt - this.#now
  }

  getMany(keys: readonly string[]): unknown[] {
    return keys.map((key) => this.get(key))
  }

  setMany(entries: readonly (readonly [key: string, value: unknown])[], lifetime: Milliseconds): void {
    for (const [key, value] of entries) this.set(key, value, lifetime)
  }

  deleteMany(keys: readonly string[]): number {
    return keys.filter((key) => this.delete(key)).length
  }

  deleteMatch(pattern: string): number {
    return this.deleteMany(this.scan(pattern))
  }

  count(): number {
    return this.scan('*').length
  }

  readonly bits = {
    get: (key: string, indexes: readonly number[], _size: number): number[] => {
      const fields = this.#content(key, 'bits', new Map<number, number>())
      return indexes.map((index) => fields.get(index) ?? 0)
    },
    incr: (key: string, indexes: readonly number[], size: number, by: number): number[] => {
      const fields = new Map(this.#content(key, 'bits', new Map<number, number>()))
      const answer = indexes.map((index) => {
        const field = Math.min(Math.max((fields.get(index) ?? 0) + by, 0), 2 ** size - 1)
        fields.set(index, field)
        return field
      })
      this.#put(key, 'bits', fields)
      return answer
    },
  }

  readonly windows = {
    incr: (key: string, slice: WindowSlice): WindowCount => {
      const at = 'end' in slice ? slice.end : this.#now
      const isLeft = (event: number) => ('start' in slice ? event >= slice.start : event > at - slice.period)
      const left = this.#content<readonly number[]>(key, 'window', []).filter(isLeft)
      const added = left.length < slice.max
      const events = added ? [...left, at] : left
      this.#put(key, 'window', events, added ? this.#now + slice.lifetime : undefined)
      return { count: events.length, added, age: events.length > 0 ? Math.max(0, at - Math.min(...events)) : 0 }
    },
  }

  readonly sets = {
    add: (key: string, members: readonly string[], lifetime?: Milliseconds): number => {
      const before = this.#content(key, 'set', new Set<string>())
      const after = new Set([...before, ...members])
      this.#put(key, 'set', after, lifetime === undefined ? undefined : this.#now + lifetime)
      return after.size - before.size
    },
    remove: (key: string, members: readonly string[]): number => {
      const before = this.#content(key, 'set', new Set<string>())
      const after = new Set([...before].filter((member) => !members.includes(member)))
      if (this.exists(key)) this.#put(key, 'set', after)
      return before.size - after.size
    },
    pop: (key: string, count: number): string[] => {
      const members = [...this.#content(key, 'set', new Set<string>())]
      if (this.exists(key)) this.#put(key, 'set', new Set(members.slice(count)))
      return members.slice(0, count)
    },
  }

  readonly locks = {
    acquire: (key: string, token: string, lifetime: Milliseconds): boolean => {
      if (this.locks.isLocked(key) && this.#locks.get(key)?.token !== token) return false
      this.#locks.set(key, { token, expiresAt: this.#now + lifetime })
      return true
    },
    extend: (key: string, token: string, lifetime: Milliseconds): boolean =>
      this.locks.isLocked(key) && this.#locks.get(key)?.token === token && this.locks.acquire(key, token, lifetime),
    release: (key: string, token: string): boolean =>
      this.locks.isLocked(key) && this.#locks.get(key)?.token === token && this.#locks.delete(key),
    isLocked: (key: string): boolean => (this.#locks.get(key)?.expiresAt ?? 0) > this.#now,
  }

  #find(key: string): Item | undefined {
    const item = this.#items.get(key)
    return item !== undefined && item.expiresAt > this.#now ? item : undefined
  }

  #content<T>(key: string, kind: Kind, absent: T): T {
    const item = this.#find(key)
    if (item !== undefined && item.kind !== kind) throw new WrongTypeError(`no ${kind}`)
    return item === undefined ? absent : (item.content as T)
  }

  /** Writes a key, which keeps its expiry unless another one is given. An empty set or window is an absent key. */
  #put(key: string, kind: Kind, content: unknown, expiresAt?: number): void {
    const ends = expiresAt ?? this.#find(key)?.expiresAt ?? Number.POSITIVE_INFINITY
    const empty =
      (kind === 'set' && (content as Set<string>).size === 0) ||
      (kind === 'window' && (content as number[]).length === 0)
    if (empty) this.#items.delete(key)
    else this.#items.set(key, { kind, content, expiresAt: ends, stamp: ++this.#writes })
  }
}
