// `pnpm build`: builds every published package by its tsup.config.ts, all in one process. A process for each takes five times as
// long, mostly to start.

import { join } from 'node:path'
import { chdir } from 'node:process'
import { build } from 'tsup'
import { listPublished, root } from './workspace.mjs'

for (const { dir } of listPublished()) {
  const place = join(root, dir)
  // tsup reads the working directory. esbuild, which is started once, has to be given the folder.
  chdir(place)
  await build({ silent: true, esbuildOptions: (options) => Object.assign(options, { absWorkingDir: place }) })
  console.log(`built ${dir}`)
}
