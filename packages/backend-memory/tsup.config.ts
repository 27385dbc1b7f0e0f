import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { defineConfig } from 'tsup'
import { base } from '../../tsup.base.ts'

// mnemonist's ESM entry drags in heaps and suffix arrays (24 KB) and its deep paths are CommonJS only,
// so the structures used are bundled (3 KB) and mnemonist is a devDependency. Add a structure or a method here to use it.
const structures = { LRUMapWithDelete: 'lru-map-with-delete' }
/** What of them is called. Their other methods, and the helpers of those, stay out. */
const used = ['clear', 'set', 'delete', 'splayOnTop', 'getPointerArray']
const method = /^\w+(?:\.prototype)?\.(\w+) = function[\s\S]*?^};$/gm
const require = createRequire(import.meta.url)

export default defineConfig({
  ...base,
  noExternal: ['mnemonist', 'obliterator'],
  esbuildPlugins: [
    {
      name: 'mnemonist-structures',
      setup(build) {
        build.onResolve({ filter: /^mnemonist$/ }, () => ({
          path: 'structures',
          namespace: 'mnemonist',
          sideEffects: false,
        }))
        build.onLoad({ filter: /[\\/]mnemonist[\\/].*\.js$/ }, async ({ path }) => ({
          contents: (await readFile(path, 'utf8')).replace(method, (text, name) => (used.includes(name) ? text : '')),
        }))
        build.onResolve({ filter: /^obliterator\/|\/iterables\.js$/ }, () => ({ path: 'unused', namespace: 'unused' }))
        build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: '' }))
        build.onResolve({ filter: /.*/, namespace: 'mnemonist' }, ({ path }) => ({ path, sideEffects: false }))
        build.onLoad({ filter: /.*/, namespace: 'mnemonist' }, () => ({
          contents: Object.entries(structures)
            .map(([name, file]) => {
              const path = JSON.stringify(require.resolve(`mnemonist/${file}.js`))
              return `export { default as ${name} } from ${path}`
            })
            .join('\n'),
          resolveDir: import.meta.dirname,
        }))
      },
    },
  ],
})
