import { type Asker, type Awaitable, isPending } from '@cashews/core'

/** Waits for the answers to some of the names of a batch: `count` of them, from a position on. */
export interface Waiting<T> {
  readonly count: number
  /** Receives the answers. An error that it throws is passed to {@link failed}. */
  settle(found: readonly (T | Error)[], from: number): void
  failed(error: unknown): void
}

/** How a {@link ReadBatch} reads. */
export interface Reads<T, V> {
  /** Groups the positions of names by their server; `undefined` when one server holds all. */
  perServer(names: readonly string[]): number[][] | undefined
  /**
   * Reads names, and answers in their order. If a name fails, its answer is the error. May throw instead of rejecting.
   *
   * @param ofMany Whether somebody asked for many names at once, such as all those that match a pattern.
   */
  send(names: readonly string[], ofMany: boolean): Promise<readonly (T | Error)[]>
  /** Converts what was found to what the reader of a key gets. */
  make(key: string, name: string, found: T): Awaitable<V>
}

/** Collects the reads of one turn of the event loop, and sends them together, one batch to each server. */
export class ReadBatch<T, V> {
  readonly #reads: Reads<T, V>
  #batch: Batch<T> | undefined

  constructor(reads: Reads<T, V>) {
    this.#reads = reads
  }

  read(key: string, name: string): Promise<V> {
    return new Promise((resolve, reject) =>
      this.readFor(key, name, { found: resolve as (value: unknown) => void, failed: reject }),
    )
  }

  readFor(key: string, name: string, asker: Asker): void {
    const reader = new Reader(this.#reads, key, name, asker)
    if (this.#batch === undefined) this.#begin([name], reader, false)
    else this.#batch.add(name, reader)
  }

  /** Reads names, without converting what is found. */
  readMany(names: readonly string[]): Promise<readonly T[]> {
    if (names.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      const settle = (all: readonly (T | Error)[], from: number) => {
        const found = all.length === names.length ? all : all.slice(from, from + names.length)
        for (const one of found) if (one instanceof Error) throw one
        resolve(found as readonly T[])
      }
      this.readTogether(names, { count: names.length, settle, failed: reject })
    })
  }

  /** The same, without a promise. */
  readTogether(names: readonly string[], waiting: Waiting<T>): void {
    if (this.#batch === undefined) this.#begin([...names], waiting, true)
    else this.#batch.addAll(names, waiting)
  }

  /** Sends the collected reads. Called before a change, which earlier reads must not see. */
  flush(): void {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    const { names, ofMany } = batch
    const shares = this.#reads.perServer(names)
    if (shares === undefined) {
      this.#send(names, ofMany, batch)
      return
    }
    const shared = new SharedBatch(batch)
    for (const places of shares) {
      const own = places.map((at) => names[at] as string)
      this.#send(own, ofMany, {
        settle: (found) => shared.settle(places, found),
        refuse: (error) => shared.settle(places, new Array(places.length).fill(error)),
      })
    }
  }

  #send(names: readonly string[], ofMany: boolean, sent: Sent<T>): void {
    try {
      this.#reads.send(names, ofMany).then(
        (found) => sent.settle(found),
        (error) => sent.refuse(error),
      )
    } catch (error) {
      sent.refuse(error)
    }
  }

  #begin(names: string[], first: Waiting<T>, ofMany: boolean): void {
    this.#batch = new Batch(names, first, ofMany)
    process.nextTick(this.#onTurn)
  }

  readonly #onTurn = (): void => this.flush()
}

/** Receives the outcome of reading some names. */
interface Sent<T> {
  settle(found: readonly (T | Error)[]): void
  refuse(error: unknown): void
}

/** The reads of one turn. */
class Batch<T> implements Sent<T> {
  readonly names: string[]
  readonly waiting: Waiting<T>[]
  ofMany: boolean

  /** @param names The names that the first waiter asks for. */
  constructor(names: string[], first: Waiting<T>, ofMany: boolean) {
    this.names = names
    this.waiting = [first]
    this.ofMany = ofMany
  }

  add(name: string, waiting: Waiting<T>): void {
    this.names.push(name)
    this.waiting.push(waiting)
  }

  addAll(names: readonly string[], waiting: Waiting<T>): void {
    for (const name of names) this.names.push(name)
    this.waiting.push(waiting)
    this.ofMany = true
  }

  settle(found: readonly (T | Error)[]): void {
    let from = 0
    for (const one of this.waiting) {
      settle(one, found, from)
      from += one.count
    }
  }

  refuse(error: unknown): void {
    for (const one of this.waiting) one.failed(error)
  }
}

/** The reads of one turn if several servers hold them: each waiter is settled once all of its own names are answered. */
class SharedBatch<T> {
  readonly #found: (T | Error)[]
  /** The waiter for each name, by position. */
  readonly #at: Owed<T>[] = []

  constructor({ names, waiting }: Batch<T>) {
    this.#found = new Array(names.length)
    for (const one of waiting) {
      const owed = { waiting: one, from: this.#at.length, left: one.count }
      for (let nth = 0; nth < one.count; nth++) this.#at.push(owed)
    }
  }

  settle(places: readonly number[], found: readonly (T | Error)[]): void {
    for (const [order, at] of places.entries()) {
      this.#found[at] = found[order] as T | Error
      const owed = this.#at[at] as Owed<T>
      if (--owed.left === 0) settle(owed.waiting, this.#found, owed.from)
    }
  }
}

/** A waiter, and the number of answers that are still missing. */
interface Owed<T> {
  readonly waiting: Waiting<T>
  readonly from: number
  left: number
}

function settle<T>(waiting: Waiting<T>, found: readonly (T | Error)[], from: number): void {
  try {
    waiting.settle(found, from)
  } catch (error) {
    waiting.failed(error)
  }
}

/** Waits for one name, and passes the value on to an asker. */
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
