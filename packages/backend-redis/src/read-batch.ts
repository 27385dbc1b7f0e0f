interface Waiting<T> {
  readonly name: string
  readonly resolve: (found: T) => void
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
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ name, resolve, reject }) === 1) process.nextTick(() => void this.flush())
    })
  }

  /** Sends what waits: before a change, which reads that came first must not see. */
  async flush(): Promise<void> {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    try {
      const found = await this.#send(waiting.map(({ name }) => name))
      for (const [at, { resolve, reject }] of waiting.entries()) {
        const one = found[at] as T | Error
        if (one instanceof Error) reject(one)
        else resolve(one)
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }
}
