import type { Awaitable } from '@cashews/core'

interface Waiting<T> {
  readonly names: readonly string[]
  /** Takes its own, which begin at a place. */
  settle(found: readonly (T | Error)[], from: number): void
  reject(error: unknown): void
}

/** Gathers the reads of one turn of the event loop, and sends them together. */
export class ReadBatch<T> {
  readonly #send: (names: readonly string[]) => Promise<readonly (T | Error)[]>
  #waiting: Waiting<T>[] = []

  /** @param send Answers in the order of the names; an answer may be the error of one name. */
  constructor(send: (names: readonly string[]) => Promise<readonly (T | Error)[]>) {
    this.#send = send
  }

  /** Reads one name, and answers what is made of it. */
  read<V>(name: string, make: (found: T) => Awaitable<V>): Promise<V> {
    return new Promise((resolve, reject) => {
      const settle = (all: readonly (T | Error)[], from: number) => {
        const found = all[from] as T | Error
        if (found instanceof Error) reject(found)
        else resolve(make(found))
      }
      this.#add({ names: [name], settle, reject })
    })
  }

  readMany(names: readonly string[]): Promise<T[]> {
    return new Promise((resolve, reject) => {
      const settle = (all: readonly (T | Error)[], from: number) => {
        const found = all.slice(from, from + names.length)
        const failure = found.find((one) => one instanceof Error)
        if (failure) reject(failure)
        else resolve(found as T[])
      }
      this.#add({ names, settle, reject })
    })
  }

  /** Sends what waits: before a change, which reads that came first must not see. */
  async flush(): Promise<void> {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    try {
      settle(waiting, await this.#send(waiting.flatMap(({ names }) => names)))
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  #add(one: Waiting<T>): void {
    if (this.#waiting.push(one) === 1) process.nextTick(this.#onTurn)
  }

  readonly #onTurn = (): void => void this.flush()
}

function settle<T>(waiting: readonly Waiting<T>[], found: readonly (T | Error)[]): void {
  let from = 0
  for (const one of waiting) {
    try {
      one.settle(found, from)
    } catch (error) {
      one.reject(error)
    }
    from += one.names.length
  }
}
