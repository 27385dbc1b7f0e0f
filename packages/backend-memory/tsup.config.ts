import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { defineConfig } from 'tsup'
import { base } from '../../tsup.base.ts'

// mnemonist's ESM entry drags in heaps and suffix arrays (24 KB) and its deep paths are CommonJS only, so what is used is
// bundled (1.5 KB), and mnemonist is a devDependency. Add a file or a function here to use it.
/** The files of the one structure, each after those it needs, and which of their functions are called. */
const used: Readonly<Record<string, readonly string[]>> = {
  'utils/typed-arrays.js': ['getPointerArray'],
  'lru-cache.js': ['splayOnTop'],
  'lru-map.js': ['LRUMap', 'clear', 'splayOnTop'],
  'lru-map-with-delete.js': ['LRUMapWithDelete', 'clear', 'set', 'delete'],
}
const requires = /^var \w+ = require[^;]*;$/gm
const member = /^(?:\w+\.)+(\w+) = (?:function[\s\S]*?^}|.*);$/gm
const classes = /^function (\w+)\([\s\S]*?^}/gm
const signed = /^var MAX_SIGNED[^;]*;$/gm
const symbols = /^if \(typeof Symbol.*\n.*;$/gm
const require = createRequire(import.meta.url)

/** A file without what is not called. The helpers that it would require stand before it, in `typed`. */
async function partOf(file: string, called: readonly string[]): Promise<string> {
  const source = await readFile(require.resolve(`mnemonist/${file}`), 'utf8')
  const kept = source.replace(requires, '').replace(signed, '').replace(symbols, '')
  return kept
    .replace(classes, (text, name) => (called.includes(name) ? text : `function ${name}() {}`))
    .replace(member, (text, name) => (called.includes(name) ? text : ''))
    .replaceAll('exports.', 'typed.')
}

export default defineConfig({
  ...base,
  noExternal: ['mnemonist'],
  esbuildPlugins: [
    {
      name: 'mnemonist-structures',
      setup(build) {
        build.onResolve({ filter: /^mnemonist$/ }, ({ path }) => ({
          path,
          namespace: 'structures',
          sideEffects: false,
        }))
        build.onLoad({ filter: /./, namespace: 'structures' }, async () => {
          const parts = await Promise.all(Object.entries(used).map(([file, called]) => partOf(file, called)))
          return { contents: ['const typed = {}', ...parts, 'export { LRUMapWithDelete }'].join('\n') }
        })
      },
    },
  ],
})
