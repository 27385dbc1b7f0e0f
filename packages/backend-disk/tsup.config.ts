import { defineConfig } from 'tsup'
import { base } from '../../tsup.base.ts'

export default defineConfig({
  ...base,
  esbuildOptions(options) {
    // The CommonJS build goes by `__dirname` where `import.meta.dirname` is missing.
    options.logOverride = { 'empty-import-meta': 'silent' }
  },
})
