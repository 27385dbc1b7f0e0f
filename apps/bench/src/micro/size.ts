import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { run } from '../harness.ts'
import { judged, type Row } from '../report.ts'

const folder = fileURLToPath(new URL('../..', import.meta.url))

/** The imports of an application that caches the results of a function in memory. */
const OURS = `
  export { createCache } from '@cashews/core'
  export { memory } from '@cashews/backend-memory'
  export { cached } from '@cashews/strategies'`

const PEERS: Readonly<Record<string, string>> = {
  'lru-cache (a map: wraps no function)': "export { LRUCache } from 'lru-cache'",
  'layered-loader, core': "export { Loader } from 'layered-loader/core'",
  'async-cache-dedupe': "export { createCache } from 'async-cache-dedupe'",
  cacheable: "export { Cacheable } from 'cacheable'",
  'bentocache on memory': `
    export { BentoCache, bentostore } from 'bentocache'
    export { memoryDriver } from 'bentocache/drivers/memory'`,
}

/** The gzipped size of some code, bundled by esbuild. */
async function bytesOf(contents: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node22',
  })
  return gzipSync(outputFiles[0]?.contents ?? '').length
}

/** The size of what is needed to cache in memory, minified and gzipped. For ours, always that of the build. */
await run(async () => {
  if (!existsSync(`${folder}/../../packages/core/dist`))
    throw new Error('Run pnpm build first: what is built is measured.')
  const ours = await bytesOf(OURS)
  const what = 'bytes, minified and gzipped'
  const rows: Row[] = [
    judged({ lane: 'size', what: `${what}, of core, memory and cached`, ratio: ours }, { atMost: 8_000 }),
  ]
  for (const [beside, code] of Object.entries(PEERS)) {
    const theirs = await bytesOf(code)
    const ratio = ours / theirs
    rows.push({ lane: 'size', what: `${what}, beside others`, beside, ours, theirs, unit: 'B', ratio, isCost: true })
  }
  return rows
}, 'dist')
