import type { WriteStream } from 'node:tty'

const CLEAR_LINE = '\r\x1b[K'

/** Shows that something takes a moment: on a terminal in a line that is rewritten and removed, otherwise in a line that stays. */
export class Progress {
  readonly #out: WriteStream
  readonly #what: string
  #shown = ''

  constructor(out: WriteStream, what: string) {
    this.#out = out
    this.#what = what
    out.write(out.isTTY ? `${what} …` : `${what} …\n`)
  }

  /** @param share 0 to 1. */
  at(share: number): void {
    const percent = `${Math.floor(share * 100)} %`
    if (!this.#out.isTTY || percent === this.#shown) return
    this.#shown = percent
    this.#out.write(`${CLEAR_LINE}${this.#what} … ${percent}`)
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write(CLEAR_LINE)
  }
}
