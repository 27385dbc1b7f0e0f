// Does what a contributor does, without leaving a trace: makes a backend as `pnpm new:backend` would, type-checks it and
// runs its conformance test under node:test (Vitest runs the kit in the other packages).
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tsc } from './check-readmes.mjs'
import { backendFiles } from './new-backend.mjs'
import { blocksOf, source } from './readme-blocks.mjs'
import { root } from './workspace.mjs'

const name = 'some-store'
/** Inside `tests`, which depends on core and conformance. */
const dir = mkdtempSync(join(root, 'tests', '.new-backend-'))

/** @param {string[]} args */
function node(args) {
  const env = { ...process.env, NODE_OPTIONS: '', VITEST: undefined }
  const { status } = spawnSync(process.execPath, args, { cwd: dir, stdio: 'inherit', env })
  if (status !== 0) throw new Error(`node ${args.join(' ')} failed`)
}

try {
  for (const [file, text] of Object.entries(backendFiles(name))) {
    mkdirSync(dirname(join(dir, file)), { recursive: true })
    writeFileSync(join(dir, file), text)
  }
  // Its README's example, as a file next to its test.
  const [example] = blocksOf('README.md', readFileSync(join(dir, 'README.md'), 'utf8'))
  if (!example) throw new Error('the README of a new backend shows no code')
  writeFileSync(join(dir, 'test/readme.ts'), source(example))
  node([tsc, '--noEmit', '-p', 'tsconfig.json'])
  const test = `test/${name}-backend.test.ts`
  node(['--conditions=@cashews/source', '--test', '--test-reporter=dot', test])
  node(['--conditions=@cashews/source', 'test/readme.ts'])
  console.log('a new backend type-checks and passes the kit')
} catch (error) {
  console.error(/** @type {Error} */ (error).message)
  process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
