import { styleText } from 'node:util'

/** Lays rows out in columns. Columns of figures are aligned right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const columns = head.map((title, at) => {
    const cells = rows.map((row) => row[at] ?? '')
    const width = Math.max(title.length, ...cells.map((cell) => cell.length))
    return cells.every((cell) => /^[\d–-]/.test(cell)) ? leftOf(width) : rightOf(width)
  })
  const layOut = (row: readonly string[]) =>
    columns
      .map((pad, at) => pad(row[at] ?? ''))
      .join('   ')
      .trimEnd()
  return [styleText('dim', layOut(head)), ...rows.map(layOut)]
}

function leftOf(width: number): (text: string) => string {
  return (text) => text.padStart(width)
}

function rightOf(width: number): (text: string) => string {
  return (text) => text.padEnd(width)
}
