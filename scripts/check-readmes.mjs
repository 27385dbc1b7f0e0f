// Type-checks every ```ts block of the READMEs and docs against the source packages, in one run of TypeScript 7.
// Run alone or from tests/src/readme-code.test.ts. The marks a block may carry: readme-blocks.mjs.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { allBlocks, source } from './readme-blocks.mjs'
import { root } from './workspace.mjs'

/** TypeScript 7's `tsc`. */
export const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript-7/package.json')), 'bin', 'tsc')

/**
 * Type-checks the blocks, each as a file of its own inside `tests`, which depends on every package.
 * @param {import('./readme-blocks.mjs').Block[]} [blocks]
 * @returns {Promise<string[]>} one line per error, `README.md:12: …`, none when all is well
 */
export async function checkReadmes(blocks = allBlocks()) {
  const marks = blocks.filter((b) => b.problem).map((b) => `${b.file}:${b.line}: ${b.problem}`)
  const checked = blocks.filter((b) => !b.problem && b.mode !== 'ignore')
  if (checked.length === 0) return marks
  const dir = mkdtempSync(join(root, 'tests', '.readme-code-'))
  try {
    for (const [i, block] of checked.entries()) writeFileSync(join(dir, `${i}.ts`), source(block))
    writeFileSync(
      join(dir, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.base.json',
        compilerOptions: {
          isolatedDeclarations: false,
          declaration: false,
          moduleDetection: 'force',
        },
        include: ['*.ts'],
      }),
    )
    const output = await new Promise((resolve) => {
      execFile(
        process.execPath,
        [tsc, '--noEmit', '--checkers', '1', '--pretty', 'false'],
        { cwd: dir },
        (error, stdout, stderr) => resolve(error ? `${stdout}${stderr}` || String(error) : ''),
      )
    })
    return [...marks, ...explain(output, checked)]
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/**
 * Converts the positions that TypeScript reports to lines of the README.
 * @param {string} output
 * @param {import('./readme-blocks.mjs').Block[]} blocks
 * @returns {string[]}
 */
function explain(output, blocks) {
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) =>
      line.replace(/^(\d+)\.ts\((\d+),\d+\):/, (whole, index, at) => {
        const block = blocks[Number(index)]
        if (!block) return whole
        const hidden = block.before ? block.before.split('\n').length : 0
        return `${block.file}:${Math.max(block.line + Number(at) - 1 - hidden, block.line - 1)}:`
      }),
    )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const blocks = allBlocks()
  const problems = await checkReadmes(blocks)
  for (const problem of problems) console.error(problem)
  console.log(problems.length ? `${problems.length} errors in code blocks` : `${blocks.length} code blocks type-check`)
  process.exitCode = problems.length ? 1 : 0
}
