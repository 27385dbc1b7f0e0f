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

const FENCE = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)\s*(.*)$/

/**
 * The TypeScript blocks of a Markdown file.
 * @param {string} file
 * @param {string} text
 * @returns {Block[]}
 */
export function blocksOf(file, text) {
  const lines = text.split(/\r?\n/)
  /** @type {Block[]} */
  const blocks = []
  let before = ''
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (/^\s*<!-- before\s*$/.test(line)) {
      const end = find(lines, at + 1, (other) => /^\s*-->\s*$/.test(other))
      before = lines.slice(at + 1, end).join('\n')
      at = end
      continue
    }
    const [, indent = '', fence, language = '', info = ''] = line.match(FENCE) ?? []
    if (fence === undefined) {
      if (line.trim() !== '') before = ''
      continue
    }
    const end = find(lines, at + 1, (other) => other.trim().startsWith(fence))
    if (/^(ts|typescript|mts|cts)$/i.test(language)) {
      const margin = new RegExp(`^\\s{0,${indent.length}}`)
      const code = lines.slice(at + 1, end).map((inner) => inner.replace(margin, ''))
      blocks.push({ file, line: at + 2, code: code.join('\n'), before, ...markOf(language, info) })
    }
    before = ''
    at = end
  }
  return blocks
}

/**
 * @param {readonly string[]} lines
 * @param {number} from
 * @param {(line: string) => boolean} isIt
 * @returns {number} where the next such line is; behind the last one when there is none
 */
function find(lines, from, isIt) {
  const found = lines.findIndex((line, at) => at >= from && isIt(line))
  return found === -1 ? lines.length : found
}

/**
 * Reads the mark of a block.
 * @param {string} language
 * @param {string} info the words after the language
 * @returns {Pick<Block, 'mode' | 'problem'>}
 */
function markOf(language, info) {
  const [, mode, reason = ''] = info.match(/^(no-run|ignore)(?::\s*(.*))?$/) ?? []
  /** @type {string | undefined} */
  let problem
  if (language !== 'ts') problem = `write \`\`\`ts, not \`\`\`${language}`
  else if (mode === undefined && info !== '')
    problem = `unknown mark "${info}": use "no-run: <reason>" or "ignore: <reason>"`
  else if (mode !== undefined && reason.trim() === '') problem = `"${mode}" needs a reason: \`\`\`ts ${mode}: <reason>`
  return { mode: /** @type {Block['mode']} */ (mode ?? 'run'), problem }
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
