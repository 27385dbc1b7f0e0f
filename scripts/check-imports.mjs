// Who may import whom. Reads every source and manifest; run alone or from tests/src/import-direction.test.ts.
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { listFiles, listPackages, root } from './workspace.mjs'

/**
 * The arrows of the architecture, shortest form: a package may also import what its targets may import.
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

/** @param {string} short the name without its scope: `core` */
const ruleOf = (short) => rules[short] ?? (short.startsWith('backend-') ? contributedBackend : undefined)

/**
 * Everything a package may import, with its targets' targets.
 * @param {string} short
 * @returns {Set<string>}
 */
function mayImport(short) {
  const direct = ruleOf(short)?.ours ?? []
  return new Set(direct.flatMap((target) => [target, ...mayImport(target)]))
}

/**
 * Every module a file names: imports, type imports, re-exports, `import()`, `require()`, `process.getBuiltinModule()`.
 * @param {string} text
 * @returns {{ specifier: string, line: number, lazy: boolean }[]}
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
  /** @type {string[]} */
  const problems = []
  /** @type {Map<string, Set<string>>} package -> the workspace packages it imports or depends on, tests included */
  const graph = new Map(packages.map((p) => [p.manifest.name, new Set()]))
  const exported = new Set(
    packages.flatMap(({ manifest }) =>
      Object.keys(manifest.exports ?? {}).map((path) => manifest.name + path.slice(1)),
    ),
  )

  for (const { dir, manifest } of packages) {
    const short = manifest.name.replace('@cashews/', '')
    const published = dir.startsWith('packages/')
    const rule = published ? ruleOf(short) : undefined
    const allowed = mayImport(short)
    const runtime = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }

    if (published && !rule) problems.push(`${dir}: no rule for ${manifest.name}, add one to scripts/check-imports.mjs`)
    if (published && manifest.name !== `@cashews/${dir.slice('packages/'.length)}`)
      problems.push(`${dir}: is named ${manifest.name}`)

    for (const name of Object.keys({ ...runtime, ...manifest.devDependencies }))
      if (graph.has(name)) graph.get(manifest.name)?.add(name)
    for (const name of Object.keys(runtime)) {
      const target = name.replace('@cashews/', '')
      if (name.startsWith('@cashews/')) {
        if (published && !allowed.has(target)) problems.push(`${dir}/package.json: must not depend on ${name}`)
        if (dir.startsWith('apps/') && testOnly.includes(target))
          problems.push(`${dir}/package.json: ${name} is for tests only`)
      } else if (rule?.npm && !rule.npm.includes(name)) problems.push(`${dir}/package.json: must not depend on ${name}`)
    }

    for (const file of listFiles(base, dir, /\.[cm]?[jt]sx?$/)) {
      const isSource = file.startsWith(`${dir}/src/`) && dir !== 'tests'
      for (const { specifier, line, lazy } of importsOf(readFileSync(join(base, file), 'utf8'))) {
        const where = `${file}:${line}`
        if (specifier.startsWith('.')) {
          const target = normalize(join(dirname(file), specifier)).replaceAll('\\', '/')
          const reachable = isSource
            ? target.startsWith(`${dir}/src/`)
            : target.startsWith(`${dir}/`) || /^(tests\/support|scripts)\/|^[^/]+\.ts$/.test(target)
          if (!reachable) problems.push(`${where}: "${specifier}" leaves ${isSource ? `${dir}/src` : dir}`)
        } else if (specifier.startsWith('node:') || builtinModules.includes(specifier)) {
          if (isSource && !specifier.startsWith('node:')) problems.push(`${where}: write "node:${specifier}"`)
          const permitted = lazy ? [...(rule?.node ?? []), ...(rule?.lazily ?? [])] : rule?.node
          if (isSource && permitted && rule?.node && !permitted.includes(specifier))
            problems.push(`${where}: ${short} must not import "${specifier}"`)
        } else if (specifier.startsWith('@cashews/')) {
          const name = packageName(specifier)
          const target = name.replace('@cashews/', '')
          if (specifier !== name && !exported.has(specifier))
            problems.push(`${where}: "${specifier}" reaches into ${name}`)
          if (isSource && name === manifest.name) problems.push(`${where}: imports its own package by name`)
          else if (isSource && published && !allowed.has(target))
            problems.push(`${where}: ${short} must not import ${name}`)
          else if (isSource && !published && testOnly.includes(target))
            problems.push(`${where}: ${name} is for tests only`)
          if (name !== manifest.name) graph.get(manifest.name)?.add(name)
        } else if (isSource && published) {
          const name = packageName(specifier)
          const permitted = rule?.npm ?? Object.keys(runtime)
          if (!permitted.includes(name)) problems.push(`${where}: ${short} must not import "${specifier}"`)
        }
      }
    }
  }
  return [...problems, ...cycles(graph)]
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
