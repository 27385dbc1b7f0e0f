import { defineConfig } from 'tsup'
import { base } from '../../tsup.base.ts'

// `shims` gives the CommonJS build its `import.meta.url`, from which better-sqlite3 is found for the worker.
export default defineConfig({ ...base, shims: true })
