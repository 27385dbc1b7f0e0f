// Prints which tests failed and why, and as its last line 'N passed, N failed', from the reports of `pnpm test` and
// `pnpm check` and their exit codes.
// Runs on any Node >= 18, without node_modules. A file that does not load, or a run that fails without a failing test
// (coverage threshold, unhandled error), counts as one failure, so that the line never says '0 failed' of a run that failed.
import { readFileSync } from 'node:fs'

const [testExit = '0', checkExit] = process.argv.slice(2)

/** @param {string} name */
const report = (name) => JSON.parse(readFileSync(new URL(`../coverage/${name}`, import.meta.url), 'utf8'))

/** @param {string} exit @param {() => { passed: number, failed: number }} read */
function count(exit, read) {
  let sum = { passed: 0, failed: 0 }
  try {
    sum = read()
  } catch (error) {
    console.error(`no report: ${/** @type {Error} */ (error).message}`)
    sum.failed = 1
  }
  return exit !== '0' && sum.failed === 0 ? { ...sum, failed: 1 } : sum
}

/** @typedef {{ status: string, fullName: string, failureMessages: string[] }} Test */
/** @typedef {{ status: string, name: string, message: string, assertionResults: Test[] }} TestFile */

const tests = count(testExit, () => {
  const r = report('test-results.json')
  let failed = r.numFailedTests
  for (const file of /** @type {TestFile[]} */ (r.testResults).filter(({ status }) => status === 'failed')) {
    const inside = file.assertionResults.filter(({ status }) => status === 'failed')
    for (const test of inside) console.log(`FAIL ${file.name}\n  ${test.fullName}\n${test.failureMessages.join('\n')}`)
    if (inside.length) continue
    console.log(`FAIL ${file.name}\n${file.message}`)
    failed++
  }
  return { passed: r.numPassedTests, failed: !r.success && failed === 0 ? 1 : failed }
})
const checked =
  checkExit === undefined
    ? { passed: 0, failed: 0 }
    : count(checkExit, () => {
        const checks = /** @type {{ ok: boolean }[]} */ (report('check-results.json'))
        return { passed: checks.filter((c) => c.ok).length, failed: checks.filter((c) => !c.ok).length }
      })
console.log(`${tests.passed + checked.passed} passed, ${tests.failed + checked.failed} failed`)
