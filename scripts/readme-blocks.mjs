// The ```ts blocks of READMEs and docs, and the marks they may carry:
//
//   ```ts                            type-checked by `pnpm test`; in a package's or the root README also run by `pnpm check`
//   ```ts no-run: needs a database   type-checked only; the reason is required
//   ```ts ignore: shows a mistake    neither; the reason is required
//
// An HTML comment `<!-- before` … `-->` right above a block holds code the reader need not see: it is put before the block.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listFiles, root } from './workspace.mjs'

/**
 * @typedef {object} Block
 * @property {string} file relative to the root
 * @property {number} line of its first line of code, from 1
 * @property {string} code as the reader sees it
 * @property {string} before the hidden code, or ''
 * @property {'run' | 'no-run' | 'ignore'} mode
 * @property {string | undefined} problem what is wrong with its mark
 */

/**
 * @param {string} file
 * @param {string} text
 * @returns {Block[]}
 */
export function blocksOf(file, text) {
  const lines = text.split(/\r?\n/)
  /** @type {Block[]} */
  const blocks = []
  let before = ''
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    if (/^\s*<!-- before\s*$/.test(line)) {
      const hidden = []
      while (++i < lines.length && !/^\s*-->\s*$/.test(lines[i] ?? '')) hidden.push(lines[i])
      before = hidden.join('\n')
      continue
    }
    const fence = line.match(/^(\s*)(`{3,}|~{3,})\s*([^\s`]*)\s*(.*)$/)
    if (!fence) {
      if (line.trim() !== '') before = ''
      continue
    }
    const [, indent = '', mark = '', language = '', info = ''] = fence
    const first = i + 1
    const code = []
    while (++i < lines.length && !(lines[i] ?? '').trim().startsWith(mark))
      code.push((lines[i] ?? '').replace(new RegExp(`^\\s{0,${indent.length}}`), ''))
    if (/^(ts|typescript|mts|cts)$/i.test(language)) {
      const [, mode = 'run', reason = ''] = info.match(/^(no-run|ignore)(?::\s*(.*))?$/) ?? []
      const problem =
        language !== 'ts'
          ? `write \`\`\`ts, not \`\`\`${language}`
          : info !== '' && mode === 'run'
            ? `unknown mark "${info}": use "no-run: <reason>" or "ignore: <reason>"`
            : mode !== 'run' && reason.trim() === ''
              ? `"${mode}" needs a reason: \`\`\`ts ${mode}: <reason>`
              : undefined
      blocks.push({
        file,
        line: first + 1,
        code: code.join('\n'),
        before,
        mode: /** @type {Block['mode']} */ (mode),
        problem,
      })
    }
    before = ''
  }
  return blocks
}

/**
 * The blocks of every README and of docs/.
 * @param {string} [base]
 * @returns {Block[]}
 */
export function allBlocks(base = root) {
  const readmes = listFiles(base, '.', /^README\.md$/)
  const guides = ['ARCHITECTURE.md', 'CONTRIBUTING.md'].filter((file) => existsSync(join(base, file)))
  const docs = [...listFiles(base, 'docs', /\.md$/), ...listFiles(base, 'apps/docs', /\.md$/)]
  return [...new Set([...readmes, ...guides, ...docs])].flatMap((file) =>
    blocksOf(file, readFileSync(join(base, file), 'utf8')),
  )
}

/** @param {Block} block */
export const source = (block) => (block.before ? `${block.before}\n${block.code}\n` : `${block.code}\n`)
