import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { transform } from 'esbuild'
import { defaultServerConditions, type Plugin } from 'vite'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

/**
 * Vite 8 / Vitest 5 compile TypeScript with oxc, which leaves TC39 decorators as they are (V8 has none yet).
 * So our sources are compiled by esbuild, which tsup uses too: the tested code is the published code.
 * An import with the mark `?legacy` is compiled with TypeScript's older `experimentalDecorators`.
 */
function esbuildTypeScript(): Plugin {
  return {
    name: 'cashews:esbuild-typescript',
    enforce: 'pre',
    transform: {
      filter: { id: { include: /\.ts(\?legacy)?$/, exclude: /node_modules/ } },
      async handler(code, id) {
        const out = await transform(code, {
          loader: 'ts',
          target: 'node22',
          sourcefile: id,
          sourcemap: 'external',
          tsconfigRaw: {
            compilerOptions: {
              target: 'es2024',
              useDefineForClassFields: true,
              verbatimModuleSyntax: true,
              experimentalDecorators: id.endsWith('?legacy'),
            },
          },
        })
        return { code: out.code, map: out.map }
      },
    },
  }
}

const conditions = ['@cashews/source', ...defaultServerConditions]

/** Tests that need a Redis server: they are in the project `redis`, and not in `unit`. */
const needRedis = ['tests/src/redis/**/*.test.ts', 'tests/src/faults/quick/*.test.ts']

/** Tests that take minutes: the other faults, and the kit on a Cluster. `pnpm faults` runs them, by vitest.faults.config.ts. */
const faults = 'tests/src/faults/**'
export const clusterKit = 'tests/src/redis/cluster-conformance.test.ts'

const unitTests = ['packages/*/test/**/*.test.ts', 'tests/src/**/*.test.ts']

const thatSay = (text: RegExp, files: string[]) => files.filter((file) => text.test(readFileSync(file, 'utf8')))

/** Tests that run on every store: on stores in this process in `unit`, on Redis in `redis`. */
const onEveryStore = thatSay(/support\/backends\.ts/, globSync('tests/src/*.test.ts'))

/**
 * Test files that have a process of their own, because they measure its memory or change it for good. The other files share
 * processes, and put-back.ts keeps them from affecting each other.
 */
const alone = thatSay(/memoryUsage|setFlagsFromString|'typeorm'/, globSync(unitTests))
const sharing = { isolate: false, setupFiles: ['tests/src/support/put-back.ts'] }

const config: ViteUserConfig = defineConfig({
  oxc: false,
  plugins: [esbuildTypeScript()],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: unitTests,
          exclude: [...needRedis, faults, ...alone],
          ...sharing,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: alone,
          exclude: [...needRedis, faults],
        },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          include: [...needRedis, ...onEveryStore],
          exclude: [clusterKit],
          ...sharing,
          globalSetup: ['tests/src/support/redis/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['packages/*/test/**/*.test-d.ts'],
            tsconfig: './tsconfig.types.json',
          },
        },
      },
    ],
    // By default Vitest reserves one core for itself, half of a small machine. One worker more than there are cores works while
    // others wait for a server or a timer.
    maxWorkers: availableParallelism() + 1,
    // For tests that hang, not for slow ones on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The default of one second would fail tests on a busy machine.
    expect: { poll: { timeout: 20_000, interval: 10 } },
    reporters: ['default', 'json'],
    outputFile: { json: 'coverage/test-results.json' },
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
})
export default config
