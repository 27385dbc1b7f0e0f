// Packs every published package exactly as it would be published and checks the tarballs: manifest, publint,
// are-the-types-wrong; then, as a user: npm install in an empty project, load as ESM and CJS and run the READMEs' code on
// the lowest supported Node and on ours, type-check with `nodenext` and `bundler` resolution. Run after `build`.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { transform } from 'esbuild'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { tsc } from './check-readmes.mjs'
import { allBlocks, source } from './readme-blocks.mjs'
import { listPublished, root } from './workspace.mjs'

/** Node versions to load the packages on, beside the one that runs this. */
const otherNodes = (process.env.SMOKE_NODES ?? '22').split(',').filter(Boolean)

const out = mkdtempSync(join(tmpdir(), 'cashews-packages-'))
process.once('exit', () => rmSync(out, { recursive: true, force: true }))
const app = join(out, 'app')
const run = promisify(execFile)
let failed = 0

/** @param {string} command @param {string[]} args @param {string} [cwd] @param {NodeJS.ProcessEnv} [env] */
const sh = async (command, args, cwd = root, env = process.env) =>
  (await run(command, args, { cwd, env, timeout: 120_000, maxBuffer: 64 << 20 })).stdout

/** @param {string} name @param {() => unknown} check */
async function step(name, check) {
  try {
    await check()
    console.log(`ok   ${name}`)
    return true
  } catch (error) {
    failed++
    const { stdout = '', stderr = '', stack } = /** @type {any} */ (error)
    console.log(`FAIL ${name}\n${`${stdout}${stderr}`.trim() || stack}`)
    return false
  }
}

/** @param {readonly unknown[]} list */
const series = async (list, /** @type {(item: any) => Promise<unknown>} */ each) => {
  for (const item of list) await each(item)
}

// ---- the tarballs

const packages = listPublished()
await sh('pnpm', ['-r', '--filter', './packages/*', 'pack', '--pack-destination', out])
const tarballs = readdirSync(out)
  .filter((file) => file.endsWith('.tgz'))
  .map((file) => join(out, file))

/** @param {unknown} exports */
const withoutSource = (exports) =>
  JSON.stringify(exports, (key, value) => (key === '@cashews/source' ? undefined : value))

/** @param {string} path */
async function checkTarball(path) {
  const tarball = readFileSync(path)
  const content = createPackageFromTarballData(tarball)
  const { packageName: name } = content
  const inside = `/node_modules/${name}/`
  const manifest = JSON.parse(content.readFile(`${inside}package.json`))
  const files = content.listFiles().map((file) => file.slice(inside.length))
  await step(`${name} manifest and files`, () => checkContent(manifest, files))
  await step(`${name} publint`, () => checkManifest(manifest, tarball))
  await step(`${name} are the types wrong`, () => checkResolution(content))
}

/** @param {any} manifest as it is published @param {readonly string[]} files */
function checkContent(manifest, files) {
  const text = JSON.stringify(manifest)
  for (const left of ['@cashews/source', 'workspace:', 'catalog:'])
    if (text.includes(left)) throw new Error(`"${left}" is left in package.json`)
  const own = packages.find((p) => p.manifest.name === manifest.name)
  if (withoutSource(own?.manifest.exports) !== JSON.stringify(manifest.exports))
    throw new Error('publishConfig.exports is not exports without @cashews/source')
  if (!manifest.engines?.node || !manifest.license || !manifest.description)
    throw new Error('package.json lacks engines, license or description')
  const built = ['dist/index.js', 'dist/index.cjs', 'dist/index.d.ts', 'dist/index.d.cts']
  for (const file of ['README.md', 'LICENSE', ...built])
    if (!files.includes(file)) throw new Error(`${file} is missing`)
  const extra = files.filter((file) => /^(src|test)\//.test(file) && !manifest.files.includes(file))
  if (extra.length) throw new Error(`ships ${extra.join(', ')}`)
}

/** @param {any} manifest @param {Buffer<ArrayBuffer>} tarball */
async function checkManifest(manifest, { buffer, byteOffset, length }) {
  const pack = { tarball: buffer.slice(byteOffset, byteOffset + length) }
  const { messages } = await publint({ pack, strict: true, level: 'warning' })
  if (messages.length) throw new Error(messages.map((message) => formatMessage(message, manifest)).join('\n'))
}

/** Are the types wrong? @param {import('@arethetypeswrong/core').Package} content */
async function checkResolution(content) {
  const analysis = await checkPackage(content)
  if (!analysis.types) throw new Error('has no types')
  // Node 10, which knew no "exports", is not supported.
  const problems = analysis.problems.filter((p) => !('resolutionKind' in p && p.resolutionKind === 'node10'))
  if (problems.length) throw new Error(JSON.stringify(problems, null, 2))
}

// ---- a user's project

async function install() {
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{ "private": true }')
  /** @param {string} place */
  const versionAt = (place) => JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8')).version
  const types = versionAt('node_modules/@types/node')
  const expressTypes = versionAt('tests/node_modules/@types/express')
  const flags = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline']
  await sh('npm', ['install', ...flags, ...tarballs, `@types/node@${types}`, `@types/express@${expressTypes}`], app)
}

const names = packages.map((p) => p.manifest.name)

/** Loads each package both ways: it has exports, and `require` and `import` give the same ones, not two copies. */
function writeLoaders() {
  const check = `for (const [name, imported, required] of all) {
    const keys = Object.keys(imported)
    if (keys.length === 0) throw new Error(name + ' exports nothing')
    for (const key of keys) if (imported[key] !== required[key]) throw new Error(name + ': two copies of ' + key)
  }`
  const rows = names.map((name, i) => `['${name}', m${i}, require('${name}')]`)
  const imports = names.map((name, i) => `import * as m${i} from '${name}'`)
  writeFileSync(
    join(app, 'load.mjs'),
    `import { createRequire } from 'node:module'\n${imports.join('\n')}
     const require = createRequire(import.meta.url)\nconst all = [${rows.join(', ')}]\n${check}`,
  )
  const pairs = names.map((name) => `['${name}', await import('${name}'), require('${name}')]`)
  writeFileSync(join(app, 'load.cjs'), `(async () => {\nconst all = [${pairs.join(', ')}]\n${check}\n})()`)
  // The CommonJS build by its path, for tools that do not know the condition `module-sync`.
  const files = names.map((name) => `require('./node_modules/${name}/dist/index.cjs')`)
  writeFileSync(
    join(app, 'load-build.cjs'),
    `for (const m of [${files.join(', ')}]) if (Object.keys(m).length === 0) throw new Error('exports nothing')`,
  )
}

/**
 * Turns a block into CommonJS that may await: its imports become `require`, the rest the body of an async function.
 * @param {string} js the block as esbuild prints it, so each import and export has one of few shapes
 */
function commonJs(js) {
  const body = js
    .replace(
      /^import \{([^}]*)\} from (".*?");$/gm,
      (_, list, from) => `const {${list.replaceAll(' as ', ': ')}} = require(${from});`,
    )
    .replace(/^import \* as (\S+) from (".*?");$/gm, 'const $1 = require($2);')
    .replace(/^import ([\w$]+) from (".*?");$/gm, 'const { default: $1 = require($2) } = require($2);')
    .replace(/^import (".*?");$/gm, 'require($1);')
    .replace(/^export \{[^}]*\};$/gm, '')
    .replace(/^export default /gm, 'module.exports = ')
    .replace(/^export /gm, '')
  return `(async () => {\n${body}\n})().catch((error) => { console.error(error); process.exit(1) })\n`
}

/** Writes each block that may run, as .mjs and .cjs. */
async function writeBlocks() {
  const blocks = allBlocks().filter(
    ({ file, mode, problem }) => mode === 'run' && !problem && /^(packages\/[^/]+\/)?README\.md$/.test(file),
  )
  /** @type {{ name: string, file: string }[]} */
  const files = []
  /** @type {string[]} */
  const types = []
  for (const [i, block] of blocks.entries()) {
    const options = { loader: /** @type {const} */ ('ts'), target: 'node22', format: /** @type {const} */ ('esm') }
    const { code } = await transform(source(block), options)
    writeFileSync(join(app, `block-${i}.mjs`), code)
    writeFileSync(join(app, `block-${i}.cjs`), commonJs(code))
    writeFileSync(join(app, `block-${i}.mts`), `${source(block)}\nexport {}\n`)
    types.push(`block-${i}.mts`)
    for (const kind of ['mjs', 'cjs'])
      files.push({
        name: `${block.file}:${block.line} as ${kind === 'mjs' ? 'ESM' : 'CJS'}`,
        file: `block-${i}.${kind}`,
      })
  }
  return { files, types }
}

/** Type-checks a user's program: every package resolves to real types, none of them `any`. */
async function checkTypes(/** @type {string[]} */ blocks) {
  const untyped = `type Untyped<M> = { [K in keyof M]: 0 extends 1 & M[K] ? K : never }[keyof M]
type Full<M> = [keyof M] extends [never] ? 'exports nothing' : [Untyped<M>] extends [never] ? true : Untyped<M>`
  const full = (/** @type {number} */ i) => `export const full${i}: Full<typeof m${i}> = true`
  const esm = names.map((name, i) => `import * as m${i} from '${name}'\n${full(i)}`)
  const cjs = names.map((name, i) => `import m${i} = require('${name}')\n${full(i)}`)
  writeFileSync(join(app, 'types.mts'), `${untyped}\n${esm.join('\n')}\n`)
  writeFileSync(join(app, 'types.cts'), `${untyped}\n${cjs.join('\n')}\n`)
  const base = {
    target: 'es2022',
    lib: ['es2024', 'esnext.disposable', 'esnext.decorators'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
  }
  const kinds = {
    'nodenext resolution': { module: 'nodenext', moduleResolution: 'nodenext', files: ['types.mts', ...blocks] },
    // A program of its own: what a package adds to the types of another can be declared once only.
    'nodenext resolution, CommonJS': { module: 'nodenext', moduleResolution: 'nodenext', files: ['types.cts'] },
    'bundler resolution': { module: 'preserve', moduleResolution: 'bundler', files: ['types.mts', ...blocks] },
  }
  for (const [kind, { module, moduleResolution, files }] of Object.entries(kinds)) {
    const config = { compilerOptions: { ...base, module, moduleResolution }, files }
    const name = `tsconfig.${kind.replaceAll(/\W+/g, '-')}.json`
    writeFileSync(join(app, name), JSON.stringify(config))
    await step(`types with ${kind}`, () =>
      sh(process.execPath, [tsc, '--checkers', '1', '-p', name, '--pretty', 'false'], app),
    )
  }
}

/** @returns {Promise<{ version: string, bin: string }[]>} */
async function nodes() {
  const others = otherNodes.map(async (version) => {
    const bin =
      (await sh('npx', ['-y', `node@${version}`, '-p', 'process.execPath'], out)).trim().split('\n').at(-1) ?? ''
    return { version: (await sh(bin, ['--version'])).trim(), bin }
  })
  return [{ version: process.version, bin: process.execPath }, ...(await Promise.all(others))]
}

// Downloading another Node takes longest: it starts first.
const node = nodes()
node.catch(() => {})
await Promise.all([
  series(tarballs, checkTarball),
  (async () => {
    if (!(await step('npm install of the tarballs', install))) return
    writeLoaders()
    const { files, types } = await writeBlocks()
    await checkTypes(types)
    await step(`Node ${otherNodes.join(' and ')} from npm`, () => node)
    const versions = await node.catch(() => [])
    const loaders = ['load.mjs', 'load.cjs', 'load-build.cjs'].map((file) => ({ name: file, file }))
    // Each compiles the same packages.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(out, 'compiled') }
    for (const { name, file } of [...loaders, ...files])
      await Promise.all(
        versions.map(({ version, bin }) => step(`${name} on Node ${version}`, () => sh(bin, [file], app, env))),
      )
  })(),
])
process.exitCode = failed ? 1 : 0
