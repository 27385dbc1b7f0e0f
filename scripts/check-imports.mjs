// Who may import whom. Reads every source and manifest; run alone or from tests/src/import-direction.test.ts.
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { listFiles, listPackages, root } from './workspace.mjs'

/**
 * The arrows of the architecture, in the shortest form: a package may also import what its targets may import.
 * `npm` lists the third-party packages it may import, `node` the Node modules (any, when absent), `lazily` those it may
 * look up with `process.getBuiltinModule()` when first needed.
 * @type {Record<string, { ours: string[], npm?: string[], node?: string[], lazily?: string[] }>}
 */
export const rules = {
  core: { ours: [], npm: [], node: ['node:async_hooks', 'node:diagnostics_channel'], lazily: ['node:crypto'] },
  'backend-memory': { ours: ['core'], npm: ['mnemonist'] },
  'backend-redis': { ours: ['serialization', 'backend-memory'], npm: ['ioredis'] },
  'backend-disk': { ours: ['serialization'], npm: ['better-sqlite3'] },
  serialization: { ours: ['core'], npm: ['msgpackr', 'msgpackr-extract'] },
  strategies: { ours: ['core'], npm: [] },
  tags: { ours: ['core'], npm: [] },
  transactions: { ours: ['core'], npm: [] },
  bloom: { ours: ['core'], npm: [] },
  http: { ours: ['core'], npm: [] },
  fastify: { ours: ['http'], npm: ['fastify', 'fastify-plugin'] },
  express: { ours: ['http'], npm: ['express'] },
  prometheus: { ours: ['core'], npm: ['prom-client'] },
  conformance: { ours: ['core'], npm: ['fast-check', 'vitest'] },
}

/**
 * A backend someone adds needs no line above: it may use what our backends may, and any package it depends on.
 * @type {{ ours: string[], npm?: string[], node?: string[], lazily?: string[] }}
 */
const contributedBackend = { ours: ['serialization'] }

/** Only tests import these. */
const testOnly = ['conformance']

/** @typedef {import('./workspace.mjs').Package} Package */
/** @typedef {{ specifier: string, line: number, lazy: boolean }} Import */

const scope = '@cashews/'

/** @param {string} name */
const isOurs = (name) => name.startsWith(scope)

/** @param {string} name @returns the name without its scope: `core` */
const shortOf = (name) => name.replace(scope, '')

/** @param {Package} owner */
const isPublished = ({ dir }) => dir.startsWith('packages/')

/** @param {Package} owner */
function ruleOf(owner) {
  if (!isPublished(owner)) return undefined
  const short = shortOf(owner.manifest.name)
  return rules[short] ?? (short.startsWith('backend-') ? contributedBackend : undefined)
}

/**
 * Packages, and all that they may import.
 * @param {readonly string[]} ours
 * @returns {string[]}
 */
function withTargets(ours) {
  return ours.flatMap((target) => [target, ...withTargets(rules[target]?.ours ?? [])])
}

/** @param {Package} owner @returns what it needs at run time */
const runtimeOf = ({ manifest }) =>
  Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies })

/**
 * All modules that a file refers to: imports, type imports, re-exports, `import()`, `require()`, `process.getBuiltinModule()`.
 * @param {string} text
 * @returns {Import[]}
 */
export function importsOf(text) {
  const found = ts
    .preProcessFile(text, true, true)
    .importedFiles.map((f) => ({ specifier: f.fileName, at: f.pos, lazy: false }))
  for (const match of text.matchAll(/getBuiltinModule\(\s*['"`]([^'"`]+)/g))
    found.push({ specifier: match[1] ?? '', at: match.index, lazy: true })
  return found.map(({ specifier, at, lazy }) => ({ specifier, lazy, line: text.slice(0, at).split('\n').length }))
}

/** @param {string} specifier */
const packageName = (specifier) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/**
 * Checks the whole workspace below `base`.
 * @param {string} [base]
 * @returns {string[]} one sentence per violation, none when all is well
 */
export function checkImports(base = root) {
  const packages = listPackages(base)
  const exported = new Set(
    packages.flatMap(({ manifest }) =>
      Object.keys(manifest.exports ?? {}).map((path) => manifest.name + path.slice(1)),
    ),
  )
  /** @type {string[]} */
  const problems = []
  /** @type {Map<string, Set<string>>} package -> those of ours it imports or depends on, tests included */
  const graph = new Map()

  for (const owner of packages) {
    const { dir, manifest } = owner
    const used = new Set([...runtimeOf(owner), ...Object.keys(manifest.devDependencies ?? {})])
    problems.push(...wrongInManifest(owner))
    for (const file of listFiles(base, dir, /\.[cm]?[jt]sx?$/))
      for (const found of importsOf(readFileSync(join(base, file), 'utf8'))) {
        used.add(packageName(found.specifier))
        for (const problem of wrongImport(owner, file, found, exported))
          problems.push(`${file}:${found.line}: ${problem}`)
      }
    used.delete(manifest.name)
    graph.set(manifest.name, new Set([...used].filter(isOurs)))
  }
  return [...problems, ...cycles(graph)]
}

/** @param {Package} owner */
function* wrongInManifest(owner) {
  const { dir, manifest } = owner
  const rule = ruleOf(owner)
  if (isPublished(owner)) {
    if (!rule) yield `${dir}: no rule for ${manifest.name}, add one to scripts/check-imports.mjs`
    if (manifest.name !== scope + dir.slice('packages/'.length)) yield `${dir}: is named ${manifest.name}`
  }
  for (const name of runtimeOf(owner)) {
    const mustNot = `${dir}/package.json: must not depend on`
    if (isOurs(name)) yield* wrongUse(owner, name, mustNot)
    else if (rule?.npm && !rule.npm.includes(name)) yield `${mustNot} ${name}`
  }
}

/** @param {Package} owner @param {string} file @param {Import} found @param {ReadonlySet<string>} exported */
function* wrongImport(owner, file, found, exported) {
  const { specifier } = found
  const name = packageName(specifier)
  const isSource = file.startsWith(`${owner.dir}/src/`) && owner.dir !== 'tests'
  if (specifier.startsWith('.')) {
    if (!isReachable(owner.dir, file, specifier, isSource))
      yield `"${specifier}" leaves ${isSource ? `${owner.dir}/src` : owner.dir}`
    return
  }
  if (isOurs(specifier) && specifier !== name && !exported.has(specifier)) yield `"${specifier}" reaches into ${name}`
  if (isSource) yield* wrongInSource(owner, found, name)
}

/**
 * Sources reach their own sources, everything else its package, and what all tests share.
 * @param {string} dir @param {string} file @param {string} specifier @param {boolean} isSource
 */
function isReachable(dir, file, specifier, isSource) {
  const target = normalize(join(dirname(file), specifier)).replaceAll('\\', '/')
  if (isSource) return target.startsWith(`${dir}/src/`)
  return target.startsWith(`${dir}/`) || /^(tests\/src\/support|scripts)\/|^[^/]+\.ts$/.test(target)
}

/** @param {Package} owner @param {Import} found @param {string} name the package it is of */
function* wrongInSource(owner, { specifier, lazy }, name) {
  const { npm, node, lazily = [] } = ruleOf(owner) ?? {}
  const mustNot = `${shortOf(owner.manifest.name)} must not import`
  const isNode = specifier.startsWith('node:')
  if (isOurs(name)) {
    if (name === owner.manifest.name) yield 'imports its own package by name'
    else yield* wrongUse(owner, name, mustNot)
  } else if (isNode || builtinModules.includes(specifier)) {
    if (!isNode) yield `write "node:${specifier}"`
    if (node && ![...node, ...(lazy ? lazily : [])].includes(specifier)) yield `${mustNot} "${specifier}"`
  } else if (isPublished(owner) && !(npm ?? runtimeOf(owner)).includes(name)) yield `${mustNot} "${specifier}"`
}

/** @param {Package} owner @param {string} name another of ours @param {string} mustNot begins the sentence */
function* wrongUse(owner, name, mustNot) {
  const target = shortOf(name)
  if (isPublished(owner)) {
    if (!withTargets(ruleOf(owner)?.ours ?? []).includes(target)) yield `${mustNot} ${name}`
  } else if (owner.dir !== 'tests' && testOnly.includes(target)) yield `${name} is for tests only`
}

/**
 * @param {Map<string, Set<string>>} graph
 * @returns {string[]} a sentence per cycle
 */
function cycles(graph) {
  const done = new Set()
  /** @type {Set<string>} */
  const found = new Set()
  /** @param {string} node @param {string[]} path */
  const visit = (node, path) => {
    if (path.includes(node)) {
      found.add(`packages import each other: ${[...path.slice(path.indexOf(node)), node].join(' -> ')}`)
      return
    }
    if (done.has(node)) return
    for (const next of graph.get(node) ?? []) visit(next, [...path, node])
    done.add(node)
  }
  for (const node of graph.keys()) visit(node, [])
  return [...found]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = checkImports()
  for (const problem of problems) console.error(problem)
  console.log(problems.length ? `${problems.length} wrong imports` : 'imports point the right way')
  process.exitCode = problems.length ? 1 : 0
}
