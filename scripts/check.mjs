// `pnpm check`: everything that is not a test. Runs all checks even when one fails and writes their count where
// test-summary.mjs finds it. `pnpm check size` runs one.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './workspace.mjs'

/** @type {Record<string, readonly string[]>} in order: what comes after `build` reads dist/ */
const checks = {
  lint: ['biome', 'check', '--error-on-warnings', '.'],
  build: ['turbo', 'run', 'build'],
  typecheck: ['turbo', 'run', 'typecheck'],
  config: ['tsc', '--noEmit', '-p', 'tsconfig.json'],
  scripts: ['tsc', '--noEmit', '-p', 'scripts/tsconfig.json'],
  unused: ['knip'],
  size: ['node', 'scripts/check-size.mjs'],
  contributor: ['node', 'scripts/check-new-backend.mjs'],
  packages: ['node', 'scripts/check-packages.mjs'],
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in checks))
if (unknown.length) throw new Error(`No check "${unknown.join('", "')}": there are ${Object.keys(checks).join(', ')}.`)

const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }
/** @type {{ name: string, ok: boolean, seconds: number }[]} */
const results = []
for (const [name, [command = '', ...args]] of Object.entries(checks)) {
  if (wanted.length && !wanted.includes(name)) continue
  console.log(`\n> ${name}: ${command} ${args.join(' ')}`)
  const start = performance.now()
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env })
  results.push({ name, ok: status === 0, seconds: Math.round((performance.now() - start) / 100) / 10 })
}

mkdirSync(join(root, 'coverage'), { recursive: true })
writeFileSync(join(root, 'coverage/check-results.json'), JSON.stringify(results))
console.log(`\n${results.map(({ name, ok, seconds }) => `${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`).join('\n')}`)
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1
