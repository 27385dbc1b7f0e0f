import { existsSync, globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const table = new URL('./faults/README.md', import.meta.url)
const root = new URL('../../', import.meta.url)

/** The test files of each fault, by its label. */
const rows = new Map<string, string[]>()
for (const [, labels = '', tests = ''] of readFileSync(table, 'utf8').matchAll(
  /^\| ([A-L]\d[^|]*) \|.*\|([^|]*)\|$/gm,
)) {
  const files = Array.from(tests.matchAll(/`([^`]+\.test\.ts)`/g), ([, file = '']) =>
    file.startsWith('packages/') ? file : `tests/src/${file}`,
  )
  for (const label of labels.split(', ').flatMap(spread)) rows.set(label, files)
}

/** `A2–A4` stands for `A2`, `A3` and `A4`. */
function spread(labels: string): string[] {
  const [from = labels, to = from] = labels.split('–')
  const [first, last] = [from, to].map((label) => Number(label.slice(1))) as [number, number]
  return Array.from({ length: last - first + 1 }, (_, at) => `${from[0]}${first + at}`)
}

it('the table of faults names tests that exist', () => {
  const missing = [...rows.values()].flat().filter((file) => !existsSync(new URL(file, root)))
  expect(missing).toEqual([])
})

it('the table of faults has each fault that a test reports, beside its file', () => {
  const unknown: string[] = []
  for (const file of globSync('tests/src/{faults,disk}/**/*.test.ts', { cwd: root })) {
    const reported = readFileSync(new URL(file, root), 'utf8').matchAll(/(?<=')((?:[A-L]\d+(?:, )?)+)(?=[:'])/g)
    for (const label of [...reported].flatMap(([labels]) => labels.split(', ')))
      if (!rows.get(label)?.includes(file)) unknown.push(`${label} of ${file}`)
  }
  expect(unknown).toEqual([])
})
