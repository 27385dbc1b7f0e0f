import { createRequire } from 'node:module'
import { defineConfig } from 'tsup'
import { base } from '../../tsup.base.ts'

// mnemonist's ESM entry drags in heaps and suffix arrays (24 KB) and its deep paths are CommonJS only,
// so the structures used are bundled (3 KB) and mnemonist is a devDependency. Add a structure here to use it.
const structures = { LRUMapWithDelete: 'lru-map-with-delete' }
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
        // What only methods need that nobody here calls: `from`, `forEach`, iterators.
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
