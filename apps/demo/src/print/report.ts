import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import { Progress } from './progress.ts'
import { table } from './table.ts'

const INDENT = '   '

/** Prints what the demo shows, and counts its claims. */
export class Report {
  /** The claims that did not hold. */
  readonly broken: string[] = []
  claims = 0
  /** The number of claims that could not be checked, because the store was away. */
  untold = 0
  /** Whether the store was away in this section. */
  isBlind = false
  readonly #out: WriteStream

  constructor(out: WriteStream) {
    this.#out = out
    out.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit() // The reader of our output, such as `head`, has ended.
    })
  }

  line(text: string): void {
    this.#out.write(`${text}\n`)
  }

  heading(text: string): void {
    this.line(styleText('bold', text))
  }

  aside(text: string): void {
    this.line(`${INDENT}${styleText('dim', text)}`)
  }

  note(text: string): void {
    this.line(`${INDENT}${text}`)
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    this.line('')
    for (const row of table(head, rows)) this.line(`${INDENT}${row}`)
    this.line('')
  }

  /** Prints a claim about what was just shown, and whether it holds. */
  claim(sentence: string, holds: boolean): void {
    if (this.isBlind && !holds) {
      this.untold++
      this.line(`${INDENT}${styleText('dim', `– not checked, the store is unreachable: ${sentence}`)}`)
      return
    }
    this.claims++
    if (!holds) this.broken.push(sentence)
    const mark = holds ? styleText('green', '✓') : styleText('red', '✗ not so:')
    this.line(`${INDENT}${mark} ${sentence}`)
  }

  progress(what: string): Progress {
    return new Progress(this.#out, `${INDENT}${what}`)
  }

  error(message: string): void {
    process.stderr.write(`${styleText('red', 'error:', { stream: process.stderr })} ${message}\n`)
  }
}
