import type { ViteUserConfig } from 'vitest/config'
import everyday, { clusterKit } from './vitest.config.ts'

/** `pnpm faults`: every fault of the matrix, one after another, on servers of its own. Prints a line of JSON for each. */
const config: ViteUserConfig = {
  ...everyday,
  test: {
    include: ['tests/src/faults/**/*.test.ts', clusterKit],
    // The kit on a Cluster does no harm to its servers.
    globalSetup: ['tests/src/support/redis/global-setup.ts'],
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: 'coverage/fault-results.json' },
  },
}
export default config
