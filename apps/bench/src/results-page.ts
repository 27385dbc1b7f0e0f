import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type Row, results, short } from './report.ts'

interface Result {
  readonly script: string
  readonly machine: string
  readonly rows: readonly Row[]
}

/** Writes `results/README.md` from the results of the lanes, so that no figure is copied by hand. */
export function writePage(): void {
  const all = readdirSync(results)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map(resultIn)
  const missed = all.flatMap(({ script, rows }) => rows.filter(({ passed }) => passed === false).map(lineOf(script)))
  const bars = all.flatMap(({ rows }) => rows.filter(({ passed }) => passed !== undefined))
  writeFileSync(
    new URL('README.md', results),
    `# Results

Written by \`pnpm bench\` from the files beside it. [How this is measured](../README.md).

"1.29× as fast" is their time divided by ours, "1.15× as much" is ours divided by theirs; both are the median of the
rounds, and half of the rounds lie in the range in brackets. Rows without a bar are there to compare.

## Missed: ${missed.length} of ${bars.length} bars

${table(['script', ...HEAD], missed)}
${all.map(sectionOf).join('\n')}`,
  )
}

const HEAD = ['what', 'beside', 'ours', 'theirs', 'figure', 'bar', '']

function resultIn(file: string): Result {
  return { script: basename(file, '.json'), ...JSON.parse(readFileSync(new URL(file, results), 'utf8')) }
}

function sectionOf({ script, machine, rows }: Result): string {
  const lanes = [...new Set(rows.map(({ lane }) => lane))].filter((lane) => lane !== script).join(', ')
  return `## ${script}${lanes && ` (${lanes})`}\n\n${machine}\n\n${table(HEAD, rows.map(cellsOf))}`
}

function lineOf(script: string): (row: Row) => string[] {
  return (row) => [`\`${script}\``, ...cellsOf(row)]
}

function cellsOf({ what, beside = '', ours, theirs, unit, ratio, isCost, quartiles, bar = '', passed }: Row): string[] {
  const isRatio = ours !== undefined && theirs !== undefined
  const range = quartiles ? ` (${quartiles.map(short).join(' – ')})` : ''
  const figure = isRatio ? `${short(ratio)}× ${isCost ? 'as much' : 'as fast'}` : short(ratio)
  const sizes = [ours, theirs].map((value) => amount(value, unit))
  return [what, beside, ...sizes, figure + range, bar, passed === undefined ? '' : passed ? 'met' : '**missed**']
}

function amount(value: number | undefined, unit = 'ns'): string {
  if (value === undefined) return ''
  if (unit === 'B') return `${value.toLocaleString('en-US')} B`
  return value >= 1e6 ? `${short(value / 1e6)} ms` : value >= 1e3 ? `${short(value / 1e3)} µs` : `${short(value)} ns`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}
