// Size budgets and tree-shaking, measured on dist/ (what users get): run after `build`. `-v` prints the code that ships.
// To add a budget, add a line to `budgets`.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { listPublished, root } from './workspace.mjs'

const strategies = [
  ...['cached', 'early', 'soft', 'hit', 'dynamic', 'failover', 'iterator', 'locked', 'singleFlight', 'rateLimit'],
  ...['slidingRateLimit', 'circuitBreaker', 'invalidates', 'strategies'],
]

/**
 * Packages that a bundler keeps or drops as a whole: mnemonist, msgpackr and fastify-plugin are CommonJS, a store is used as a
 * whole, and the conformance kit is never bundled.
 */
const runsCode = [
  ...['@cashews/backend-memory', '@cashews/backend-redis', '@cashews/backend-disk', '@cashews/serialization'],
  ...['@cashews/fastify', '@cashews/conformance'],
]

/**
 * @typedef {object} Budget
 * @property {string} name
 * @property {string} code what an app writes
 * @property {number} gzip the most bytes it may cost, minified and gzipped
 * @property {number} [bar] what it should cost; while it costs more, `gzip` keeps it from growing, and the miss is printed
 * @property {readonly string[]} [without] exported functions and classes whose code must not ship
 * @property {string} [over] code that the app has already: only the addition to it is measured
 * @property {boolean} [strict] ignore `"sideEffects": false`, and look for code that runs on import
 */

const cached = `export * from '@cashews/core'
                export { cached } from '@cashews/strategies'
`

/**
 * What a strategy adds to core and `cached`, with which it shares how functions are wrapped.
 * @param {string} name @param {number} gzip @param {number} [bar] @returns {Budget}
 */
function onTop(name, gzip, bar = 1_200) {
  const code = `${cached}export { ${name} } from '@cashews/strategies'`
  return { name: `${name}, on top of cached`, code, over: cached, gzip, bar }
}

/** @type {Budget[]} */
const budgets = [
  {
    name: 'core + memory + cached',
    code: `export { createCache } from '@cashews/core'
           export { memory } from '@cashews/backend-memory'
           export { cached } from '@cashews/strategies'`,
    gzip: 32_465,
    bar: 8_000,
  },
  {
    name: 'cached, no other strategy',
    code: `export { cached } from '@cashews/strategies'`,
    gzip: 9_985,
    without: strategies.filter((name) => name !== 'cached'),
  },
  {
    name: 'singleFlight, no other strategy',
    code: `export { singleFlight } from '@cashews/strategies'`,
    gzip: 8_365,
    without: strategies.filter((name) => name !== 'singleFlight'),
  },
  onTop('early', 780),
  onTop('soft', 595),
  onTop('hit', 635),
  onTop('failover', 315),
  onTop('locked', 430),
  onTop('invalidates', 420),
  onTop('slidingRateLimit', 775),
  onTop('iterator', 1_200),
  onTop('rateLimit', 1_100),
  onTop('circuitBreaker', 1_200),
  // What runs when a package is imported, which no bundler can drop: a small table at most (calls: `/* @__PURE__ */`).
  ...published()
    .filter((name) => !runsCode.includes(name))
    .map((name) => ({ name: `import of ${name} alone`, code: `import '${name}'`, gzip: 150, strict: true })),
]

function published() {
  return listPublished().map(({ dir, manifest }) => {
    if (!existsSync(join(root, dir, 'dist/index.js'))) throw new Error(`${dir}/dist is missing: run pnpm build first`)
    return manifest.name
  })
}

/**
 * Loads a package, without those it imports, from a namespace where esbuild finds no package.json with `sideEffects`.
 * @type {import('esbuild').Plugin}
 */
const distrust = {
  name: 'distrust-side-effects-false',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./, namespace: 'distrusted' }, ({ path }) => ({ path, external: true, sideEffects: false }))
    onResolve({ filter: /^@cashews\// }, ({ path }) => ({
      path: join(root, 'packages', path.replace('@cashews/', ''), 'dist/index.js'),
      namespace: 'distrusted',
    }))
    onLoad({ filter: /.*/, namespace: 'distrusted' }, ({ path }) => ({ contents: readFileSync(path, 'utf8') }))
  },
}

/** @param {string} code @param {boolean} readable @param {boolean} strict */
async function bundle(code, readable, strict) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: join(root, 'tests'), sourcefile: 'app.js' },
    bundle: true,
    write: false,
    minifySyntax: !readable,
    minifyWhitespace: !readable,
    minifyIdentifiers: !readable,
    treeShaking: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    logLevel: 'silent',
    plugins: strict ? [distrust] : [],
  })
  return outputFiles[0]?.text ?? ''
}

let failed = 0
for (const { name, code, gzip, bar, over, without = [], strict = false } of budgets) {
  try {
    const bundled = await bundle(code, false, strict)
    // Imports of other modules are not this package's code. The gzipped size of nothing is 20 bytes.
    const min = strict ? bundled.replace(/import\s*([\w${},\s]*from\s*)?"[^"]*";/g, '').trim() : bundled
    const readable = await bundle(code, true, strict)
    const shipped = without.filter((f) =>
      new RegExp(`^(async )?(function\\*?|class|const|let|var) ${f}\\b`, 'm').test(readable),
    )
    const size = gzipSync(min).length - (over === undefined ? 0 : gzipSync(await bundle(over, false, false)).length)
    const ok = size <= gzip && shipped.length === 0
    if (!ok) failed++
    const also = shipped.length ? `, ships ${shipped.join(', ')} too` : ''
    const missed = bar !== undefined && size > bar ? `, MISSES its bar of ${bar}` : ''
    const figures = `${String(size).padStart(6)} B gzipped (at most ${gzip}), ${min.length} B minified${missed}`
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(34)} ${figures}${also}`)
    if (process.argv.includes('-v')) console.log(readable)
  } catch (error) {
    failed++
    console.log(`FAIL ${name.padEnd(34)} ${/** @type {Error} */ (error).message}`)
  }
}
process.exitCode = failed ? 1 : 0
