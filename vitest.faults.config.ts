import { availableParallelism } from 'node:os'
import type { ViteUserConfig } from 'vitest/config'
import everyday, { clusterKit } from './vitest.config.ts'

/** Suites that measure nothing, and may run concurrently. */
const suites = [
  'tests/src/faults/http-cache-tests.test.ts',
  'tests/src/faults/transactions-conformance.test.ts',
  clusterKit,
]

/**
 * `pnpm faults`: the faults of tests/src/faults/README.md, on servers of their own. They run one after another, because each prints its
 * measurements as a line of JSON. `pnpm faults faults/redis faults/quick` runs those of Redis, in less than four minutes.
 */
const config: ViteUserConfig = {
  ...everyday,
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['tests/src/faults/**/*.test.ts'],
          exclude: suites,
          fileParallelism: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'suites',
          include: suites,
          // They do not disturb the servers, so they share them.
          globalSetup: ['tests/src/support/redis/global-setup.ts'],
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
    ],
    provide: { judgesTime: true },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: 'coverage/fault-results.json' },
  },
}
export default config
