import type { Check, Group } from './check.ts'
import { checkGroups } from './checks/index.ts'
import { GROUPS } from './group-of.ts'
import { type ConformanceOptions, type CreateBackend, checkSuite, runCheck } from './run-checks.ts'

/** What a runner passes to a test, if it does: a way to skip the test while it runs. */
interface TestContext {
  skip?(reason?: string): unknown
}

/** The two functions that every JavaScript test runner has. */
export interface TestRunner {
  /** Groups tests under a name. */
  describe(name: string, define: () => void): unknown
  /** Defines a test; `skip` defines one that is reported as skipped. */
  it: {
    (title: string, run: (test?: TestContext) => Promise<void>, timeout?: number): unknown
    skip(title: string, run: () => void): unknown
  }
}

/** Settings of {@link describeBackend}. */
export interface DescribeOptions extends ConformanceOptions {
  /** Your test runner. @default the one that runs the file: vitest, node:test, or one with a global `describe` */
  readonly runner?: TestRunner | undefined
}

/**
 * Defines a test for each promise of the contract. A test that fails is named after the promise that the store breaks.
 *
 * @param create Makes a backend that is not open yet. Called for each test, which **clears** the backend first.
 * @throws {ConfigurationError} When an argument cannot work.
 * @example
 * describeBackend('my store', () => myBackend(), { without: ['bits'] })
 */
export function describeBackend(name: string, create: CreateBackend, options: DescribeOptions = {}): void {
  checkSuite('describeBackend', create, options, ['runner'])
  const { describe, it } = options.runner ?? currentRunner()
  const without = new Set<string>(options.without)

  const define = (check: Check): void => {
    if (check.needs?.some((feature) => without.has(feature))) {
      it.skip(check.title, () => {})
      return
    }
    // Longer than the limit of the check itself, whose error says more than that of the runner.
    const limit = 2 * (options.timeout ?? 30_000)
    // A rest parameter: to Jest and Mocha, a parameter that counts is a callback to wait for.
    const run = async (...[test]: readonly (TestContext | undefined)[]): Promise<void> => {
      const { outcome, error, reason } = await runCheck(check, create, options)
      if (outcome === 'failed') throw error
      if (outcome === 'skipped') test?.skip?.(reason)
    }
    it(check.title, run, limit)
  }

  describe(name, () => {
    for (const { name, checks } of checkGroups) describe(name, () => checks.forEach(define))
    const absent = GROUPS.filter((group) => without.has(group))
    if (absent.length > 0) describe('absent groups', () => absent.map(absenceOf).forEach(define))
  })
}

/** Checks that a group is really declared absent, and not merely left out of the test. */
function absenceOf(group: Group): Check {
  return {
    title: `${group} is false, as declared`,
    async run({ backend }) {
      if (backend[group] !== false) throw new Error(`The backend has ${group}. Leave it out of "without" to check it.`)
    },
  }
}

/** Finds out which test runner runs the file, synchronously, so that a suite needs no `await`. */
function currentRunner(): TestRunner {
  const found = globalThis as Partial<TestRunner> & { readonly __vitest_index__?: TestRunner }
  // Vitest without its globals sets this, for `import.meta.vitest`.
  if (found.__vitest_index__) return found.__vitest_index__
  if (found.describe && found.it) return { describe: found.describe, it: found.it }
  return process.getBuiltinModule('node:test') as unknown as TestRunner
}
