import { randomUUID } from 'node:crypto'
import {
  type Awaitable,
  type Backend,
  checkKnown,
  checkList,
  checkOneOf,
  checkThat,
  type Milliseconds,
} from '@cashews/core'
import { type Check, type CheckContext, FEATURES, type Feature, type ModelOptions, type Reports } from './check.ts'
import { checkGroups } from './checks/index.ts'
import { groupOf, isGroup } from './group-of.ts'

/** Makes a backend that is not open yet. Backends that it makes one after another see the same data only if they are `shared`. */
export type CreateBackend = () => Awaitable<Backend>

/** Settings of {@link runChecks}. */
export interface ConformanceOptions {
  /** The features that the store declares absent. Checks that need them are skipped. @default none */
  readonly without?: readonly Feature[] | undefined
  /** Makes a backend whose store cannot be reached, such as one at a port where nobody listens. @default not checked */
  readonly unreachable?: CreateBackend | undefined
  /** Moves the clock of the store, which otherwise stands still. @default really waits */
  readonly elapse?: ((duration: Milliseconds) => Awaitable<void>) | undefined
  /** A short lifetime, in milliseconds; longer ones tolerate slower machines. @default 1_000 with `elapse`, otherwise 60 */
  readonly unit?: Milliseconds | undefined
  /** Whether backends that are made one after another see the same data, like clients of one server. @default false */
  readonly shared?: boolean | undefined
  /** How the random command sequences are made. */
  readonly model?: ModelOptions | undefined
  /** How long a check may take, in milliseconds. @default 30_000 */
  readonly timeout?: Milliseconds | undefined
}

const OPTIONS = ['without', 'unreachable', 'elapse', 'unit', 'shared', 'model', 'timeout']

/**
 * Checks the arguments of a suite, because a misspelt option or feature would otherwise be ignored silently.
 *
 * @param more The names of further options.
 * @throws {ConfigurationError} When an argument cannot work.
 */
export function checkSuite(what: string, create: unknown, options: ConformanceOptions, more: string[] = []): void {
  checkThat(typeof create === 'function', `${what} takes a function that makes a backend`, create)
  checkKnown(what, options, [...OPTIONS, ...more])
  const { without = [] } = options
  checkList('string', 'without', without, "['bits']")
  for (const feature of without) checkOneOf('feature', feature, FEATURES)
}

/** The result of a check. */
export interface CheckResult {
  /** The name of its {@link CheckGroup}. */
  readonly group: string
  /** The promise that was checked. */
  readonly title: string
  /** `skipped`: the backend does not have what the check needs. */
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it failed. */
  readonly error?: unknown
  /** Why it was skipped. */
  readonly reason?: string
}

/** Runs all checks, one after another, without a test runner. @throws {ConfigurationError} When an argument cannot work. */
export async function runChecks(create: CreateBackend, options: ConformanceOptions = {}): Promise<CheckResult[]> {
  checkSuite('runChecks', create, options)
  const results: CheckResult[] = []
  for (const { name, checks } of checkGroups) {
    for (const check of checks)
      results.push({ group: name, title: check.title, ...(await runCheck(check, create, options)) })
  }
  return results
}

/** Runs one check on a new backend, which is opened and cleared before, and closed afterwards. */
export async function runCheck(
  check: Check,
  create: CreateBackend,
  options: ConformanceOptions = {},
): Promise<Pick<CheckResult, 'outcome' | 'error' | 'reason'>> {
  const declared = check.needs?.find((feature) => options.without?.includes(feature))
  if (declared !== undefined) return { outcome: 'skipped', reason: `without ${declared}` }
  const made: Backend[] = []
  try {
    const context = await contextOf(create, options, made)
    const absent = check.needs?.find((feature) => !brings(context.backend, feature, options))
    if (absent !== undefined)
      return {
        outcome: 'skipped',
        reason: absent === 'unreachable' ? 'no option unreachable' : `the backend has no ${absent}`,
      }
    for (const feature of check.needs ?? []) if (isGroup(feature)) groupOf(context, feature)
    await atMost(options.timeout ?? 30_000, () => check.run(context))
    return { outcome: 'passed' }
  } catch (error) {
    return { outcome: 'failed', error }
  } finally {
    for (const backend of made) await Promise.resolve(backend.close()).catch(() => {})
  }
}

async function contextOf(
  create: CreateBackend,
  { elapse, unit = elapse ? 1_000 : 60, shared = false, model = {}, without = [], unreachable }: ConformanceOptions,
  made: Backend[],
): Promise<CheckContext> {
  const reports: Reports = { removed: [], errors: [] }
  const host = {
    removed: (key: string, reason: Reports['removed'][number]['reason']) => void reports.removed.push({ key, reason }),
    error: (error: unknown) => void reports.errors.push(error),
  }
  const makeBackend = async (make: CreateBackend = create): Promise<Backend> => {
    const backend = await make()
    made.push(backend)
    return backend
  }
  const backend = await makeBackend()
  await backend.open(host)
  await backend.clear()
  const peer = shared ? await makeBackend() : undefined
  await peer?.open(host)
  return {
    backend,
    peers: peer ? [backend, peer] : [backend],
    reports,
    unit,
    exact: elapse !== undefined,
    model,
    severalKeys: !without.includes('severalKeys'),
    unique: randomUUID(),
    elapse: async (duration) => (elapse ? elapse(duration) : new Promise((resolve) => setTimeout(resolve, duration))),
    create: () => makeBackend(),
    unreachable: () => makeBackend(unreachable),
  }
}

/** Features that may be missing without being declared absent, and how to tell that they are there. */
const OPTIONAL: { readonly [F in Feature]?: (backend: Backend, options: ConformanceOptions) => unknown } = {
  getNow: ({ getNow }) => getNow,
  answerNow: ({ answerNow }) => answerNow,
  getFor: ({ getFor }) => getFor,
  bitsNow: ({ bits }) => bits && bits.now,
  usage: ({ usage }) => usage,
  visit: ({ visit }) => visit,
  leases: ({ leases }) => leases,
  released: ({ locks }) => locks && locks.released,
  tags: ({ tags }) => tags,
  capture: ({ tags }) => tags && tags.capture,
  unreachable: (_, { unreachable }) => unreachable,
}

function brings(backend: Backend, feature: Feature, options: ConformanceOptions): boolean {
  const of = OPTIONAL[feature]
  return of === undefined || Boolean(of(backend, options))
}

async function atMost(duration: Milliseconds, work: () => Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The check was not over after ${duration} ms.`)), duration)
  })
  try {
    await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
