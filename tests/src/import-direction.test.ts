import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkImports, importsOf } from '../../scripts/check-imports.mjs'
import { listFiles, root } from '../../scripts/workspace.mjs'
import { freshDirectory } from './support/disk/fresh-directory.ts'

/** Writes a workspace with these packages and files, and checks it. */
function check(packages: Record<string, object>, files: Record<string, string>): string[] {
  const base = freshDirectory()
  const manifests = Object.entries(packages).map(([dir, manifest]) => [
    `${dir}/package.json`,
    JSON.stringify({ name: `@cashews/${dir.split('/').at(-1)}`, version: '0.0.0', ...manifest }),
  ])
  for (const [file = '', text = ''] of [...manifests, ...Object.entries(files)]) {
    mkdirSync(dirname(join(base, file)), { recursive: true })
    writeFileSync(join(base, file), text)
  }
  return checkImports(base)
}

const needs = (...names: readonly string[]): object => ({
  dependencies: Object.fromEntries(names.map((name) => [name, '*'])),
})
const four = {
  'packages/core': {},
  'packages/strategies': needs('@cashews/core'),
  'packages/conformance': needs('@cashews/core', 'fast-check'),
  'apps/demo': needs('@cashews/core', '@cashews/strategies'),
}

describe('the packages of this workspace', () => {
  it('import each other only in the direction of the architecture', () => {
    expect(checkImports()).toEqual([])
  })
})

describe('core', () => {
  const inside = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('## Inside core')[1]?.split('\n## ')[0] ?? ''
  const contracts = [...(inside.split('contracts (')[1]?.split(')')[0] ?? '').matchAll(/`([\w.]+)`/g)].map(
    ([, name]) => name,
  )
  const folders = [...inside.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)

  /** The files whose code an import statement of a file runs: type imports run none. */
  function usedBy(file: string): string[] {
    const text = readFileSync(join(root, file), 'utf8')
    const used = text.matchAll(/^(?:import|export) (?!type\b)[^']*? from '(\.[^']+)'/gm)
    return [...used].map(([, path = '']) => posix.join(posix.dirname(file), path).replace('packages/core/src/', ''))
  }

  it('has folders that use only the contracts, and what stands above them in ARCHITECTURE.md', () => {
    const problems: string[] = []
    for (const file of listFiles(root, 'packages/core/src', /\.ts$/)) {
      const [folder = '', ...rest] = file.replace('packages/core/src/', '').split('/')
      if (rest.length === 0) continue
      if (!folders.includes(folder)) problems.push(`${file} is in a folder that ARCHITECTURE.md does not name`)
      const below = [folder, ...folders.slice(0, folders.indexOf(folder))]
      for (const target of usedBy(file))
        if (!contracts.includes(target) && !below.includes(target.split('/')[0]))
          problems.push(`${file} uses ${target}`)
    }
    expect(folders).toContain('loads')
    expect(problems).toEqual([])
  })
})

describe('the import check', () => {
  it('accepts the arrows of the architecture', () => {
    const problems = check(four, {
      'packages/core/src/index.ts': `import { AsyncLocalStorage } from 'node:async_hooks'\nexport * from './ttl.ts'`,
      'packages/core/test/ttl.test.ts': `import { ttl } from '@cashews/core'\nimport { readFileSync } from 'node:fs'`,
      'packages/strategies/src/cached.ts': `import type { Cache } from '@cashews/core'`,
      'packages/strategies/test/cached.test.ts': `import { describeBackend } from '@cashews/conformance'`,
      'apps/demo/src/main.ts': `import { cached } from '@cashews/strategies'\nimport fs from 'node:fs'`,
    })
    expect(problems).toEqual([])
  })

  it.each([
    [
      'packages/core/src/a.ts',
      `import { cached } from '@cashews/strategies'`,
      'core must not import @cashews/strategies',
    ],
    [
      'packages/core/src/a.ts',
      `export type { X } from '@cashews/strategies'`,
      'core must not import @cashews/strategies',
    ],
    ['packages/core/src/a.ts', `type X = import('@cashews/strategies').X`, 'core must not import @cashews/strategies'],
    ['packages/core/src/a.ts', `await import('@cashews/strategies')`, 'core must not import @cashews/strategies'],
    ['packages/core/src/a.ts', `import fs from 'node:fs'`, 'core must not import "node:fs"'],
    ['packages/core/src/a.ts', `import { hash } from 'node:crypto'`, 'core must not import "node:crypto"'],
    ['packages/core/src/a.ts', `process.getBuiltinModule('node:fs')`, 'core must not import "node:fs"'],
    ['packages/core/src/a.ts', `import { x } from 'lru-cache'`, 'core must not import "lru-cache"'],
    ['packages/core/src/a.ts', `import { x } from 'async_hooks'`, 'write "node:async_hooks"'],
    ['packages/core/src/a.ts', `import { x } from '@cashews/core'`, 'imports its own package by name'],
    ['packages/core/src/a.ts', `import { x } from '../../strategies/src/a.ts'`, 'leaves packages/core/src'],
    ['packages/core/src/a.ts', `import { x } from '../test/help.ts'`, 'leaves packages/core/src'],
    [
      'packages/strategies/src/a.ts',
      `import { x } from '@cashews/conformance'`,
      'must not import @cashews/conformance',
    ],
    ['packages/strategies/src/a.ts', `import { x } from '@cashews/core/src/a.ts'`, 'reaches into @cashews/core'],
    ['packages/strategies/test/a.test.ts', `import { x } from '../../core/src/a.ts'`, 'leaves packages/strategies'],
    ['apps/demo/src/main.ts', `import { x } from '@cashews/conformance'`, '@cashews/conformance is for tests only'],
    ['packages/core/test/a.test.ts', `import { x } from '@cashews/strategies'`, 'packages import each other'],
  ])('refuses in %s: %s', (file, text, sentence) => {
    const problems = check(four, { [file]: `\n${text}\n` })
    expect(problems).toEqual(expect.arrayContaining([expect.stringContaining(sentence)]))
  })

  it('names file and line', () => {
    const [problem] = check(four, { 'packages/core/src/a.ts': `\n\nimport 'node:fs'\n` })
    expect(problem).toMatch(/^packages\/core\/src\/a\.ts:3: /)
  })

  it('refuses a runtime dependency of core, even one that is not imported', () => {
    const problems = check({ ...four, 'packages/core': needs('mnemonist') }, {})
    expect(problems).toEqual(['packages/core/package.json: must not depend on mnemonist'])
  })

  it('refuses a development dependency that closes a cycle', () => {
    const circle = { ...four, 'packages/core': { devDependencies: { '@cashews/strategies': '*' } } }
    expect(check(circle, {})).toEqual([expect.stringContaining('packages import each other')])
  })

  it('asks for a rule when a package is new, but lets a new backend use what it depends on', () => {
    expect(check({ ...four, 'packages/extra': {} }, {})).toEqual([
      expect.stringContaining('no rule for @cashews/extra'),
    ])
    const etcd = { 'packages/backend-etcd': needs('@cashews/core', 'etcd3') }
    const using = { 'packages/backend-etcd/src/index.ts': `import { Etcd3 } from 'etcd3'` }
    expect(check({ ...four, ...etcd }, using)).toEqual([])
  })

  it('finds every form of import', () => {
    const text = `import a from 'a'; import type b from 'b'; export * from 'c'; const d = await import('d'); require('e')
      // import f from 'f'
      const g = "import h from 'h'"`
    expect(
      importsOf(text)
        .map((i) => i.specifier)
        .sort(),
    ).toEqual(['a', 'b', 'c', 'd', 'e'])
  })
})
