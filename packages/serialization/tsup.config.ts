import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Options } from 'tsup'
import { base } from '../../tsup.base.ts'

/**
 * msgpackr reads text up to three times faster with its native reader, an optional dependency that stays outside. Its
 * loader tells ES modules by the absence of `require`, which bundles of either kind have.
 */
const nativeReader: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'msgpackr-native-reader',
  setup(build) {
    const isCommonJs = build.initialOptions.format === 'cjs'
    build.onResolve({ filter: /^msgpackr$/ }, async () => ({
      path: fileURLToPath(new URL('node-index.js', import.meta.resolve('msgpackr'))),
    }))
    build.onLoad({ filter: /msgpackr[\\/]node-index\.js$/ }, async ({ path }) => {
      const loader = await readFile(path, 'utf8')
      return { contents: loader.replace("typeof require == 'function'", String(isCommonJs)) }
    })
  },
}

// msgpackr keeps one registry of extensions for everybody who loads it. Bundled, ours is our own: an application that
// uses msgpackr too neither sees our extensions nor changes what our decoder accepts.
export default defineConfig({
  ...base,
  noExternal: ['msgpackr'],
  external: ['msgpackr-extract'],
  esbuildPlugins: [nativeReader],
})
