import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename } from 'node:path'

/** The folder of the results, a file for each lane. */
export const results: URL = new URL('../results/', import.meta.url)

/** One line of a lane's table. */
export interface Row {
  /** The lane of the performance page, such as `M1`. */
  readonly lane: string
  readonly what: string
  /** The contender beside ours; absent: the figure is not a ratio. */
  readonly beside?: string
  /** The time of an operation, ours and theirs. */
  readonly ours?: number
  readonly theirs?: number
  /** The unit of `ours` and `theirs`. @default 'ns' */
  readonly unit?: 'B'
  /** The figure that is judged: theirs divided by ours; ours divided by theirs if {@link isCost}; without these, the one that `what` names. */
  readonly ratio: number
  /** Whether less is better. */
  readonly isCost?: boolean
  /** Half of the ratios of the rounds lie between these. */
  readonly quartiles?: readonly [number, number]
  readonly bar?: string
  readonly aim?: string
  readonly passed?: boolean
}

/** The required figure, and the one to aim for. */
export type Bar =
  | { readonly atLeast: number; readonly aim?: number }
  | { readonly atMost: number; readonly aim?: number }

/** Adds a bar to a row, and whether it is met. */
export function judged(row: Row, bar: Bar): Row {
  const isLimit = 'atMost' in bar
  const [sign, hard] = isLimit ? ['≤', bar.atMost] : ['≥', bar.atLeast]
  const aim = bar.aim === undefined ? {} : { aim: `${sign} ${bar.aim}` }
  return { ...row, bar: `${sign} ${hard}`, ...aim, passed: isLimit ? row.ratio <= hard : row.ratio >= hard }
}

/**
 * Prints the rows of a lane and saves them as `results/<name of the script>.json`. A missed bar makes the process end
 * with 1.
 */
export function report(rows: readonly Row[], built?: Built): void {
  let what = ''
  for (const row of rows) {
    if (row.what !== what) console.log(`\n${row.lane}  ${row.what}\n${HEAD}`)
    console.log(line(row))
    what = row.what
  }
  save(rows, built)
  if (rows.some(({ passed }) => passed === false)) process.exitCode = 1
}

/** What was measured: the sources, or what is published. */
export type Built = 'source' | 'dist'

/** What the figures were measured on. */
export function machine(built: Built = isSource() ? 'source' : 'dist'): string {
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${built}`
}

function isSource(): boolean {
  return process.execArgv.some((flag) => flag.includes('@cashews/source'))
}

const WIDTHS = [34, 9, 9, 9, 15, 9, 9, 7]
const HEAD = columns(['beside', 'ours', 'theirs', 'ratio', 'quartiles', 'bar', 'aim', ''])

function line({ beside = '', ours, theirs, ratio, quartiles, bar = '', aim = '', passed }: Row): string {
  const verdict = passed === undefined ? '' : passed ? 'met' : 'MISSED'
  const spread = quartiles?.map(short).join(' – ') ?? ''
  return columns([beside, short(ours), short(theirs), short(ratio), spread, bar, aim, verdict])
}

function columns(cells: readonly string[]): string {
  return `  ${cells.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[at] ?? 0) : cell.padStart(WIDTHS[at] ?? 0))).join('')}`
}

/** Formats a number with three significant digits. */
export function short(value: number | undefined): string {
  if (value === undefined) return ''
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3)
}

function save(rows: readonly Row[], built: Built | undefined): void {
  mkdirSync(results, { recursive: true })
  const name = basename(process.argv[1] ?? 'lane', '.ts')
  const lines = rows.map((row) =>
    JSON.stringify(row, (_, value) => (typeof value === 'number' ? rounded(value) : value)),
  )
  const text = `{\n  "machine": ${JSON.stringify(machine(built))},\n  "rows": [\n    ${lines.join(',\n    ')}\n  ]\n}\n`
  writeFileSync(new URL(`${name}.json`, results), text)
}

function rounded(value: number): number {
  return value >= 1_000 ? Math.round(value) : +value.toPrecision(3)
}
