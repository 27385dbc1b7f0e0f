import { type Asker, type Awaitable, isPending } from '@cashews/core'

/** Waits for the answers to some names: those from a place on are its own. */
export interface Waiting<T> {
  readonly count: number
  /** What it throws is what it is told by {@link failed}. */
  settle(found: readonly (T | Error)[], from: number): void
  failed(error: unknown): void
}

/** How a {@link ReadBatch} reads. */
export interface Reads<T, V> {
  /** Answers in the order of the names; an answer may be the error of one name. May throw instead of rejecting. */
  send(names: readonly string[]): Promise<readonly (T | Error)[]>
  /** What the reader of a key is told. */
  make(key: string, name: string, found: T): Awaitable<V>
}

/** Gathers the reads of one turn of the event loop, and sends them together. */
export class ReadBatch<T, V> {
  readonly #reads: Reads<T, V>
  #names: string[] = []
  #waiting: Waiting<T>[] = []

  constructor(reads: Reads<T, V>) {
    this.#reads = reads
  }

  read(key: string, name: string): Promise<V> {
    return new Promise((resolve, reject) =>
      this.readFor(key, name, { found: resolve as (value: unknown) => void, failed: reject }),
    )
  }

  readFor(key: string, name: string, asker: Asker): void {
    this.#names.push(name)
    this.#add(new Reader(this.#reads, key, name, asker))
  }

  /** Reads names as they are. */
  readMany(names: readonly string[]): Promise<readonly T[]> {
    return new Promise((resolve, reject) => {
      const settle = (all: readonly (T | Error)[], from: number) => {
        const found = all.length === names.length ? all : all.slice(from, from + names.length)
        for (const one of found) if (one instanceof Error) throw one
        resolve(found as readonly T[])
      }
      this.readTogether(names, { count: names.length, settle, failed: reject })
    })
  }

  /** Reads names as they are, for who waits. */
  readTogether(names: readonly string[], waiting: Waiting<T>): void {
    for (const name of names) this.#names.push(name)
    this.#add(waiting)
  }

  /** Sends what waits: before a change, which reads that came first must not see. */
  flush(): void {
    const [names, waiting] = [this.#names, this.#waiting]
    if (waiting.length === 0) return
    this.#names = []
    this.#waiting = []
    const refuse = (error: unknown) => {
      for (const one of waiting) one.failed(error)
    }
    try {
      this.#reads.send(names).then((found) => settle(waiting, found), refuse)
    } catch (error) {
      refuse(error)
    }
  }

  #add(one: Waiting<T>): void {
    if (this.#waiting.push(one) === 1) process.nextTick(this.#onTurn)
  }

  readonly #onTurn = (): void => this.flush()
}

function settle<T>(waiting: readonly Waiting<T>[], found: readonly (T | Error)[]): void {
  let from = 0
  for (const one of waiting) {
    try {
      one.settle(found, from)
    } catch (error) {
      one.failed(error)
    }
    from += one.count
  }
}

/** Who waits for one name. */
class Reader<T, V> implements Waiting<T> {
  readonly count = 1
  readonly #reads: Reads<T, V>
  readonly #key: string
  readonly #name: string
  readonly #asker: Asker

  constructor(reads: Reads<T, V>, key: string, name: string, asker: Asker) {
    this.#reads = reads
    this.#key = key
    this.#name = name
    this.#asker = asker
  }

  settle(all: readonly (T | Error)[], from: number): void {
    const found = all[from] as T | Error
    if (found instanceof Error) throw found
    const value = this.#reads.make(this.#key, this.#name, found)
    if (!isPending(value)) this.#asker.found(value)
    else
      value.then(
        (value) => this.#asker.found(value),
        (error) => this.failed(error),
      )
  }

  failed(error: unknown): void {
    this.#asker.failed(error)
  }
}
