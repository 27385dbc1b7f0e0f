// `pnpm new:backend etcd` makes packages/backend-etcd from the reference backend of the conformance kit: a copy of it to
// change member by member, a README to fill in and a test of one call. It is green from the first minute.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './workspace.mjs'

/** @param {string} path */
const read = (path) => readFileSync(join(root, path), 'utf8')

/** @param {string} name */
const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())

/**
 * Puts the new name wherever the reference backend names itself.
 * @param {string} text
 * @param {string} name
 */
function rename(text, name) {
  const own = camel(name)
  const title = own.charAt(0).toUpperCase() + own.slice(1)
  return text
    .replace(/\bReference(?=[A-Z])/g, title)
    .replace(/\breferenceBackend\b/g, own)
    .replace(/(?<= \* )The backend to copy: .*? \*\n(?= \* @throws)/s, `Keeps values in ${name}.\n *\n`)
    .replace(/(['"`])ref(?:erence)?(?=\1|:)/g, `$1${name}`)
    .replace(/(?<!\b(?:the|a) )\breference\b(?! (?:backend|implementation))/gi, own)
}

/**
 * The files of a new backend.
 * @param {string} name as in `etcd`
 * @returns {Record<string, string>} path in the folder -> text
 */
export function backendFiles(name) {
  const source = rename(read('packages/conformance/src/reference-backend.ts'), name)
  const outside = source.match(/from '(\.[^']*)'/)
  if (outside)
    throw new Error(`reference-backend.ts imports ${outside[1]}: to be copied it must import packages by name only.`)
  const factory = source.match(/^export (?:async )?(?:function|const) (\w+)/m)?.[1]
  if (!factory) throw new Error('reference-backend.ts exports no factory function to copy.')

  const { exports, ...model } = JSON.parse(read('packages/core/package.json'))
  const { version, license, type, sideEffects, engines, files, main, module, types, publishConfig, scripts } = model
  const manifest = {
    name: `@cashews/backend-${name}`,
    version,
    description: `Keeps what cashews caches in ${name}.`,
    keywords: ['cache', 'cashews', name],
    ...{ license, type, sideEffects, engines, files, exports, main, module, types, publishConfig, scripts },
    dependencies: { '@cashews/core': 'workspace:^' },
    devDependencies: { '@cashews/conformance': 'workspace:^' },
  }
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'tsconfig.json': read('packages/core/tsconfig.json'),
    'tsup.config.ts': read('packages/core/tsup.config.ts'),
    'src/index.ts': `export * from './${name}-backend.ts'\n`,
    [`src/${name}-backend.ts`]: source,
    [`test/${name}-backend.test.ts`]: `import { ${factory} } from '@cashews/backend-${name}'
import { describeBackend, handClock } from '@cashews/conformance'

// A store that keeps the time itself really waits: leave the clock out, and give a longer \`unit\` to a slow one.
// One that can be away shows by \`unreachable\` what it does then.
const clock = handClock()
describeBackend('${name}', () => ${factory}({ clock }), { elapse: clock.elapse })
`,
    'README.md': readme(name, factory),
  }
}

/** @param {string} name @param {string} factory */
function readme(name, factory) {
  return `# @cashews/backend-${name}

Keeps what cashews caches in ${name}.

\`\`\`sh
npm install @cashews/core @cashews/backend-${name}
\`\`\`

\`\`\`ts
import { ${factory} } from '@cashews/backend-${name}'
import { createCache } from '@cashews/core'

const cache = createCache()
cache.setup(${factory}())
await cache.set('greeting', 'hello', { ttl: '1m' })
await cache.close()
\`\`\`

## Promises

Passes every check of \`@cashews/conformance\`. Atomic: … Shared by processes: … Lost on restart: …

## Options

| option | unit | default | means |
| --- | --- | --- | --- |

## Errors

| code | when |
| --- | --- |

## Choose something else when

…

## Tested with

…
`
}

/** @param {string | undefined} name */
function main(name) {
  if (!name || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    throw new Error('Usage: npx -y pnpm@12 new:backend <name>, the name in lower case as in "etcd".')
  const dir = join(root, 'packages', `backend-${name}`)
  if (existsSync(dir)) throw new Error(`packages/backend-${name} exists already.`)
  for (const [file, text] of Object.entries(backendFiles(name))) {
    mkdirSync(dirname(join(dir, file)), { recursive: true })
    writeFileSync(join(dir, file), text)
  }
  // README blocks are type-checked inside `tests`, so it needs every package.
  const tests = JSON.parse(read('tests/package.json'))
  const needed = { ...tests.devDependencies, [`@cashews/backend-${name}`]: 'workspace:^' }
  tests.devDependencies = Object.fromEntries(Object.entries(needed).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(join(root, 'tests/package.json'), `${JSON.stringify(tests, null, 2)}\n`)
  // No test there imports it, which knip would call unused.
  const ignored = /(?<="tests": \{[^}]*"ignoreDependencies": )\[.*?\]/s
  const added = (/** @type {string} */ list) =>
    `[${[...JSON.parse(list), `@cashews/backend-${name}`].map((each) => `"${each}"`).join(', ')}]`
  writeFileSync(join(root, 'knip.json'), read('knip.json').replace(ignored, added))
  console.log(`packages/backend-${name} is there. Next:
  npx -y pnpm@12 install && npx -y pnpm@12 vitest run packages/backend-${name}    green before you begin
  replace its Map with your store, one member at a time; a red check is named after the promise that is broken
  fill in packages/backend-${name}/README.md, then npx -y pnpm@12 check and npx -y pnpm@12 changeset`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main(process.argv[2])
  } catch (error) {
    console.error(/** @type {Error} */ (error).message)
    process.exitCode = 1
  }
}
