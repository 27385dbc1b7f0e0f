import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  type Check,
  type CheckResult,
  checkGroups,
  describeBackend,
  handClock,
  reference,
  runCheck,
  runChecks,
  type TestRunner,
} from '@cashews/conformance'
import { type Backend, BackendUnavailableError, completeBackend } from '@cashews/core'
import { describe, expect, it } from 'vitest'

const checks = checkGroups.flatMap((group) => group.checks)
const needing = (feature: string) => checks.filter(({ needs }) => needs?.some((need) => need === feature))

/** Runs the kit under node:test, in a process of its own. */
function underNodeTest(...args: string[]) {
  const { VITEST, NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env
  const file = fileURLToPath(new URL('./support/node-test.ts', import.meta.url))
  const flags = ['--conditions=@cashews/source', '--test-reporter=tap']
  const { stdout, status } = spawnSync(process.execPath, [...flags, file, ...args], { env, encoding: 'utf8' })
  const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(stdout)?.[1])
  return { status, stdout, tests: count('tests'), pass: count('pass'), fail: count('fail'), skipped: count('skipped') }
}

/** A test runner that only writes down what it is told to run. */
function notes() {
  const titles: string[] = []
  const skipped: string[] = []
  const tests = new Map<string, () => Promise<void>>()
  const runner: TestRunner = {
    describe: (_, define) => define(),
    it: Object.assign(
      (title: string, run: () => Promise<void>) => {
        titles.push(title)
        tests.set(title, run)
      },
      { skip: (title: string) => skipped.push(title) },
    ),
  }
  return { runner, titles, skipped, tests }
}

describe('describeBackend', () => {
  it.each<[string, unknown, object]>([
    ['describeBackend takes a function that makes a backend, not Object {', reference(), {}],
    ['describeBackend takes the options { without, unreachable, ', reference, { elaps: () => {} }],
    ["without must be a list such as ['bits'], not 'bits'.", reference, { without: 'bits' }],
    ["There is no feature 'bit'. The features are bits, windows, ", reference, { without: ['bit'] }],
  ])('refuses at once: %s', (message, create, options) => {
    expect(() => describeBackend('mine', create as never, options)).toThrow(message)
  })

  it('runs under node:test', () => {
    const { status, tests, pass, fail, skipped } = underNodeTest()
    expect({ status, fail }).toEqual({ status: 0, fail: 0 })
    expect(tests).toBe(2 * checks.length + 1)
    expect(pass + skipped).toBe(tests)
    expect(skipped).toBeGreaterThan(needing('bits').length)
  })

  it('names the broken promise under node:test', () => {
    const { status, fail, stdout } = underNodeTest('--broken')
    expect([status, fail]).toEqual([1, 1])
    expect(stdout).toMatch(/not ok \d+ - ping answers its message when the store is well/)
  })

  it('takes the test runner it is given, and defines a test for each check', () => {
    const { runner, titles, skipped } = notes()
    describeBackend('store', () => reference(), { runner })
    expect(titles).toEqual(checks.map(({ title }) => title))
    expect(skipped).toEqual([])
  })

  it('defines tests without parameters, as Jest and Mocha wait for a callback in the first one', () => {
    const { runner, tests } = notes()
    describeBackend('store', () => reference(), { runner })
    expect(new Set([...tests.values()].map((run) => run.length))).toEqual(new Set([0]))
  })

  it('skips the checks of what the store declares absent', () => {
    const { runner, titles, skipped } = notes()
    describeBackend('store', () => reference(), { runner, without: ['bits', 'structured'] })
    expect(skipped).toEqual([...needing('structured'), ...needing('bits')].map(({ title }) => title))
    expect(titles).toContain('bits is false, as declared')
  })

  it('finds out when a group that is declared absent is there', async () => {
    const { runner, tests } = notes()
    describeBackend('store', () => reference(), { runner, without: ['bits'] })
    await expect(tests.get('bits is false, as declared')?.()).rejects.toThrow('has bits')
  })
})

describe('runChecks', () => {
  const clock = handClock()
  const options = { elapse: clock.elapse }
  const failures = (results: readonly CheckResult[]) => results.filter(({ outcome }) => outcome === 'failed')

  it('finds a group missing that was not declared absent', async () => {
    const results = await runChecks(() => completeBackend({ ...reference({ clock }), sets: false }), options)
    const missing = failures(results)
    expect(missing).toHaveLength(needing('sets').length)
    for (const { title } of missing) expect(needing('sets').map((check) => check.title)).toContain(title)
    for (const { error } of missing) expect(String(error)).toContain("without: ['sets']")
  })

  it('says how to declare that a store cannot tell of expired keys', async () => {
    const mute = () => {
      const backend = reference({ clock })
      return { ...backend, open: () => backend.open({ removed() {}, error() {} }) }
    }
    const results = await Promise.all(needing('expired').map((check) => runCheck(check, mute, options)))
    for (const { error } of results) expect(String(error)).toContain("without: ['expired']")
  })

  it('passes a store without any group', async () => {
    const bare = () =>
      completeBackend({ ...reference({ clock }), bits: false, windows: false, sets: false, locks: false })
    const results = await runChecks(bare, { ...options, without: ['bits', 'windows', 'sets', 'locks'] })
    expect(failures(results)).toEqual([])
  })

  it('calls a store that hangs broken, and goes on', async () => {
    const silent: Backend = { ...reference({ clock }), incr: () => new Promise(() => {}) }
    const results = await runChecks(() => silent, { ...options, timeout: 20, model: { runs: 1 } })
    expect(results).toHaveLength(checks.length)
    expect(String(failures(results)[0]?.error)).toContain('not over after 20 ms')
  })

  it('passes a store that fails to open at once, when it cannot be reached', async () => {
    const check = checks.find(({ needs }) => needs?.includes('unreachable')) as Check
    const fails = (error: Error): Backend => ({
      ...reference(),
      open() {
        throw error
      },
    })
    const run = (error: Error) => runCheck(check, () => reference(), { unreachable: () => fails(error) })
    expect(await run(new BackendUnavailableError('No file.'))).toEqual({ outcome: 'passed' })
    expect(await run(new Error('No file.'))).toMatchObject({ outcome: 'failed' })
  })

  it('really waits where no clock is moved, and allows for a slow machine', async () => {
    const waits: unknown[] = []
    const check: Check = {
      title: 'waits',
      async run({ elapse, exact, unit }) {
        const started = performance.now()
        await elapse(unit)
        waits.push(exact, unit, performance.now() - started >= unit - 1)
      },
    }
    expect(await runCheck(check, () => reference())).toEqual({ outcome: 'passed' })
    expect(waits).toEqual([false, 60, true])
  })

  it('uses two backends at once where the store is shared', async () => {
    const store = reference({ clock })
    let made = 0
    const create = (): Backend => {
      made++
      return { ...store }
    }
    expect(failures(await runChecks(create, { ...options, shared: true }))).toEqual([])
    expect(made).toBeGreaterThan(2 * (checks.length - 40))
  })
})
