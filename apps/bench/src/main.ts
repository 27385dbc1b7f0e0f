import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machine } from './report.ts'
import { writePage } from './results-page.ts'

/**
 * Runs the lanes named on the command line, or all of them: each in a process of its own, so that the
 * optimizations of V8 for one lane do not affect the next. `--dist` measures the published build instead of the sources.
 */
const folder = new URL('./micro/', import.meta.url)
const lanes = readdirSync(folder).map((file) => basename(file, '.ts'))
const { flags, names } = Object.groupBy(process.argv.slice(2), (word) => (word.startsWith('-') ? 'flags' : 'names'))
const wanted = names ?? lanes

const unknown = [
  ...wanted.filter((name) => !lanes.includes(name)),
  ...(flags ?? []).filter((flag) => flag !== '--dist'),
]
if (unknown.length > 0) {
  console.error(`There is no lane ${unknown.join(', ')}. The lanes: ${lanes.join(', ')}. The option: --dist.`)
  process.exit(2)
}
if (flags && !existsSync(new URL('../../../packages/core/dist', import.meta.url))) {
  console.error('There is nothing built to measure. Run pnpm build first.')
  process.exit(2)
}

const options = ['--expose-gc', ...(flags ? [] : ['--conditions=@cashews/source'])]
const missed = wanted.filter((name) => {
  const script = fileURLToPath(new URL(`${name}.ts`, folder))
  return spawnSync(process.execPath, [...options, script], { stdio: 'inherit' }).status !== 0
})
writePage()
console.log(`\n${machine(flags ? 'dist' : 'source')}`)
if (missed.length > 0) {
  console.error(`Missed a bar or failed: ${missed.join(', ')}.`)
  process.exitCode = 1
}
