// `pnpm build`: builds every published package by its tsup.config.ts, all in one process. A tsup for each takes five times
// as long, most of it to start.

import { join } from 'node:path'
import { chdir } from 'node:process'
import { build } from 'tsup'
import { listPublished, root } from './workspace.mjs'

for (const { dir } of listPublished()) {
  const place = join(root, dir)
  // tsup looks around where it stands. esbuild, which is started once, has to be told.
  chdir(place)
  await build({ silent: true, esbuildOptions: (options) => Object.assign(options, { absWorkingDir: place }) })
  console.log(`built ${dir}`)
}
