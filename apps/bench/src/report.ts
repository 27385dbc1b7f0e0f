import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename } from 'node:path'

/** One line of a lane's table. Times are in nanoseconds per operation. */
export interface Row {
  readonly lane: string
  readonly what: string
  /** The contender beside ours. */
  readonly beside: string
  readonly ours?: number
  readonly theirs?: number
  readonly ratio: number
  /** Between these lie half of the rounds' ratios. */
  readonly quartiles?: readonly [number, number]
  readonly bar?: string
  readonly aim?: string
  readonly passed?: boolean
}

/**
 * Prints the rows of a lane and saves them as `results/<name of the script>.json`. A missed bar makes the process end
 * with 1.
 */
export function report(rows: readonly Row[]): void {
  let what = ''
  for (const row of rows) {
    if (row.what !== what) console.log(`\n${row.lane}  ${row.what}\n${HEAD}`)
    console.log(line(row))
    what = row.what
  }
  save(rows)
  if (rows.some(({ passed }) => passed === false)) process.exitCode = 1
}

/** What the figures were measured on. */
export function machine(built: string = isSource() ? 'source' : 'dist'): string {
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${built}`
}

function isSource(): boolean {
  return process.execArgv.some((flag) => flag.includes('@cashews/source'))
}

const WIDTHS = [34, 9, 9, 9, 15, 9, 9, 7]
const HEAD = columns(['beside', 'ours ns', 'theirs ns', 'ratio', 'quartiles', 'bar', 'aim', ''])

function line({ beside, ours, theirs, ratio, quartiles, bar = '', aim = '', passed }: Row): string {
  const verdict = passed === undefined ? '' : passed ? 'met' : 'MISSED'
  const spread = quartiles?.map(short).join(' – ') ?? ''
  return columns([beside, short(ours), short(theirs), short(ratio), spread, bar, aim, verdict])
}

function columns(cells: readonly string[]): string {
  return `  ${cells.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[at] ?? 0) : cell.padStart(WIDTHS[at] ?? 0))).join('')}`
}

function short(value: number | undefined): string {
  if (value === undefined) return ''
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3)
}

function save(rows: readonly Row[]): void {
  const folder = new URL('../results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const name = basename(process.argv[1] ?? 'lane', '.ts')
  const rounded = rows.map((row) =>
    JSON.stringify(row, (_, value) => (typeof value === 'number' ? +value.toPrecision(3) : value)),
  )
  const text = `{\n  "machine": ${JSON.stringify(machine())},\n  "rows": [\n    ${rounded.join(',\n    ')}\n  ]\n}\n`
  writeFileSync(new URL(`${name}.json`, folder), text)
}
