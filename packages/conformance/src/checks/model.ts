import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { MISS, type Milliseconds } from '@cashews/core'
import fc from 'fast-check'
import { truth } from '../assertions.ts'
import type { CheckContext, CheckGroup } from '../check.ts'
import { GROUPS } from '../group-of.ts'
import { Model } from '../model.ts'
import { type Operation, operations, perform, type Subject } from '../operation.ts'

/** Random sequences of commands, whose answers are compared with those of a {@link Model}. */
export const model: CheckGroup = {
  name: 'model',
  checks: [
    {
      title: 'any sequence of commands is answered as the contract says',
      async run(context) {
        const { backend, exact, unit, severalKeys } = context
        const groups = new Set(GROUPS.filter((group) => backend[group]))
        const { runs = exact ? 100 : 20, seed, path } = context.model
        await fc.assert(
          fc.asyncProperty(operations({ unit, timePasses: exact, groups, severalKeys }), (sequence) =>
            compareAnswers(sequence, context),
          ),
          { numRuns: runs, ...(seed !== undefined && { seed }), ...(path !== undefined && { path }) },
        )
      },
    },
  ],
}

/** Carries out operations on the backend and on a model, and compares each answer. */
async function compareAnswers(sequence: readonly Operation[], context: CheckContext): Promise<void> {
  const { backend, elapse, exact } = context
  await backend.clear()
  const modelled = new Model()
  const real: Subject = { store: backend, stamps: new Map(), windows: new Set(), elapse, unique: randomUUID() }
  const simple: Subject = {
    store: modelled,
    stamps: new Map(),
    windows: new Set(),
    elapse: (duration) => modelled.elapse(duration),
    unique: '',
  }
  const slack = exact ? 1 : 60_000
  for (const [at, operation] of sequence.entries()) {
    const expected = await answerOf(simple, operation)
    const actual = await answerOf(real, operation)
    const text = `step ${at + 1}, ${operation.map(shown).join(' ')}, was answered ${shown(actual)} instead of ${shown(expected)}`
    truth(alike(actual, expected, slack), text)
  }
}

/** The answer of an operation; of one that fails, the code of its error. */
async function answerOf(subject: Subject, operation: Operation): Promise<unknown> {
  try {
    return await perform(subject, operation)
  } catch (error) {
    if (error instanceof Error && 'code' in error) return error.code
    throw error
  }
}

/** Compares answers; times left may differ by the time the store needed. */
function alike(actual: unknown, expected: unknown, slack: Milliseconds): boolean {
  if (isDeepStrictEqual(actual, expected)) return true
  if (typeof actual === 'number' && typeof expected === 'number' && expected > 1_000_000) {
    return expected - actual <= slack && actual - expected <= 2
  }
  if (!isObject(actual) || !isObject(expected) || !('timeLeft' in expected)) return false
  return isDeepStrictEqual(actual.value, expected.value) && alike(actual.timeLeft, expected.timeLeft, slack)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function shown(value: unknown): string {
  if (value === MISS) return 'MISS'
  return typeof value === 'number' || value === undefined ? String(value) : JSON.stringify(value)
}
