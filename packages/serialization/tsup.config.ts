import { defineConfig } from 'tsup'
import { base } from '../../tsup.base.ts'

// msgpackr keeps one registry of extensions for everybody who loads it. Bundled, ours is our own: an application that
// uses msgpackr too neither sees our extensions nor changes what our decoder accepts.
export default defineConfig({ ...base, noExternal: [/^msgpackr/] })
