import { availableParallelism } from 'node:os'
import type { ViteUserConfig } from 'vitest/config'
import everyday, { clusterKit } from './vitest.config.ts'

/** Whole suites, which say right or wrong and measure nothing: they may run side by side. */
const suites = [
  'tests/src/faults/http-cache-tests.test.ts',
  'tests/src/faults/transactions-conformance.test.ts',
  clusterKit,
]

/**
 * `pnpm faults`: every fault of the matrix, on servers of its own, one after another, because each prints what it measured
 * as a line of JSON. `pnpm faults faults/redis faults/quick` runs those of Redis, in less than four minutes.
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
          // They do no harm to the servers, so these are the same for all.
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
