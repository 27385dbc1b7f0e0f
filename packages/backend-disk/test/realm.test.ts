import { createRequire } from 'node:module'
import { join } from 'node:path'
import { compileFunction, createContext, runInContext } from 'node:vm'
import type { createCache } from '@cashews/core'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import { freshDirectory } from '../../../tests/src/support/disk/fresh-directory.ts'
import type { disk } from '../src/index.ts'

type Bundle = { readonly createCache: typeof createCache; readonly disk: typeof disk }

const sources = join(import.meta.dirname, '../src')

/** A realm of its own, with what Node adds to the language, as Jest makes one for each test file. */
function freshRealm() {
  const language = Object.getOwnPropertyNames(runInContext('globalThis', createContext()))
  const node = Object.entries(Object.getOwnPropertyDescriptors(globalThis)).filter(([name]) => !language.includes(name))
  return createContext(Object.defineProperties({}, Object.fromEntries(node)))
}

async function loadIn(realm: object): Promise<Bundle> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { createCache } from '@cashews/core'; export { disk } from './index.ts'`,
      resolveDir: sources,
    },
    conditions: ['@cashews/source'],
    external: ['better-sqlite3'],
    logOverride: { 'empty-import-meta': 'silent' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    write: false,
  })
  const module = { exports: {} as Bundle }
  const run = compileFunction(outputFiles[0]?.text ?? '', ['module', 'require', '__dirname'], { parsingContext: realm })
  run(module, createRequire(join(sources, 'index.ts')), sources)
  return module.exports
}

it('a cache in a realm of its own keeps what other realms made, and answers with objects of its own', async () => {
  const realm = freshRealm()
  const { createCache, disk } = await loadIn(realm)
  const cache = createCache().setup(disk({ directory: freshDirectory() }))
  const isOurs = runInContext('(value, Class) => value instanceof globalThis[Class]', realm)

  await cache.set('k', { at: new Date(5), tags: new Map([['a', new Set([1])]]), why: new TypeError('down') })
  const found = await cache.get<{ at: Date; tags: Map<string, unknown>; why: Error }>('k')
  expect([found?.at.getTime(), found?.tags.size, found?.why.message]).toEqual([5, 1, 'down'])
  expect([isOurs(found?.at, 'Date'), isOurs(found?.tags, 'Map'), isOurs(found?.why, 'TypeError')]).toEqual([
    true,
    true,
    true,
  ])

  await cache.setAdd('s', ['a', 'b'])
  const members = await cache.setPop('s', { count: 2 })
  expect([members.length, isOurs(members, 'Array')]).toEqual([2, true])
  await cache.close()
})
