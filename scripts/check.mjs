// `pnpm check`: everything that is not a test. Runs all checks even when one fails, several at a time, and writes their
// count where test-summary.mjs finds it. `pnpm check size` runs one.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './workspace.mjs'

/** @typedef {readonly string[]} CommandLine */
/** @typedef {{ name: string, ok: boolean, seconds: number }} Result */

/** The checks of one list run one after another, because those after `build` read dist/. The lists run concurrently. */
/** @type {readonly Record<string, CommandLine>[]} */
const lists = [
  {
    build: ['turbo', 'run', 'build:packages'],
    size: ['node', 'scripts/check-size.mjs'],
    packages: ['node', 'scripts/check-packages.mjs'],
  },
  {
    lint: ['biome', 'check', '--error-on-warnings', '.'],
    typecheck: ['tsc', '--noEmit', '--checkers', '1', '-p', 'tsconfig.json'],
    scripts: ['tsc', '--noEmit', '-p', 'scripts/tsconfig.json'],
    unused: ['knip'],
    contributor: ['node', 'scripts/check-new-backend.mjs'],
  },
]

const wanted = process.argv.slice(2)
const names = lists.flatMap((list) => Object.keys(list))
const unknown = wanted.filter((name) => !names.includes(name))
if (unknown.length) throw new Error(`No check "${unknown.join('", "')}": there are ${names.join(', ')}.`)

const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }

/** Runs a command, and prints its output when it has ended. @param {string} name @param {CommandLine} line */
async function run(name, [command = '', ...args]) {
  const start = performance.now()
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env })
  /** @type {Buffer[]} */
  const output = []
  child.stdout.on('data', (chunk) => output.push(chunk))
  child.stderr.on('data', (chunk) => output.push(chunk))
  const ok = await new Promise((resolve) => {
    child.once('error', (error) => {
      output.push(Buffer.from(`${error.message}\n`))
      resolve(false)
    })
    child.once('close', (code) => resolve(code === 0))
  })
  console.log(`\n> ${name}: ${command} ${args.join(' ')}\n${Buffer.concat(output)}`)
  return { name, ok, seconds: Math.round((performance.now() - start) / 100) / 10 }
}

/** @param {Record<string, CommandLine>} list */
async function runAll(list) {
  /** @type {Result[]} */
  const results = []
  for (const [name, line] of Object.entries(list))
    if (!wanted.length || wanted.includes(name)) results.push(await run(name, line))
  return results
}

const results = (await Promise.all(lists.map(runAll))).flat()
mkdirSync(join(root, 'coverage'), { recursive: true })
writeFileSync(join(root, 'coverage/check-results.json'), JSON.stringify(results))
console.log(`\n${results.map(({ name, ok, seconds }) => `${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`).join('\n')}`)
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1
