interface Waiting<T> {
  readonly names: readonly string[]
  readonly resolve: (found: T[]) => void
  readonly reject: (error: unknown) => void
}

/** Gathers the reads of one turn of the event loop, and sends them together. */
export class ReadBatch<T> {
  readonly #send: (names: readonly string[]) => Promise<readonly (T | Error)[]>
  #waiting: Waiting<T>[] = []

  /** @param send Answers in the order of the names; an answer may be the error of one name. */
  constructor(send: (names: readonly string[]) => Promise<readonly (T | Error)[]>) {
    this.#send = send
  }

  read(name: string): Promise<T> {
    return new Promise((resolve, reject) => this.#add([name], ([found]) => resolve(found as T), reject))
  }

  readMany(names: readonly string[]): Promise<T[]> {
    return new Promise((resolve, reject) => this.#add(names, resolve, reject))
  }

  /** Sends what waits: before a change, which reads that came first must not see. */
  async flush(): Promise<void> {
    const waiting = this.#waiting
    const [first] = waiting
    if (first === undefined) return
    this.#waiting = []
    try {
      const found = await this.#send(waiting.length === 1 ? first.names : waiting.flatMap(({ names }) => names))
      if (waiting.length === 1) return settle(first, found)
      let at = 0
      for (const one of waiting) {
        settle(one, found.slice(at, at + one.names.length))
        at += one.names.length
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  #add(names: readonly string[], resolve: (found: T[]) => void, reject: (error: unknown) => void): void {
    if (this.#waiting.push({ names, resolve, reject }) === 1) process.nextTick(() => void this.flush())
  }
}

function settle<T>({ resolve, reject }: Waiting<T>, found: readonly (T | Error)[]): void {
  const failure = found.find((one) => one instanceof Error)
  if (failure) reject(failure)
  else resolve(found as T[])
}
