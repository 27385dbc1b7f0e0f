import assert from 'node:assert/strict'
import { type Backend, MISS, type Milliseconds, type Snapshot } from '@cashews/core'
import type { CheckContext } from './check.ts'

/** The lifetime of a key that never expires. */
export const FOREVER: Milliseconds = Number.POSITIVE_INFINITY

/** Asserts that two values hold the same data. */
export function same(actual: unknown, expected: unknown, what?: string): void {
  assert.deepStrictEqual(actual, expected, what && `${what}: ${shown(actual)} instead of ${shown(expected)}`)
}

/** Asserts that an answer is a miss. */
export function missing(actual: unknown, what = 'the answer'): void {
  assert.ok(actual === MISS, `${what}: ${shown(actual)} instead of MISS`)
}

/** Asserts a condition that is no comparison of two values. */
export function truth(condition: boolean, otherwise: string): void {
  assert.ok(condition, otherwise)
}

/** Asserts that a command fails with the error of this code, at once or later. */
export async function refused(command: () => unknown, code: string, what: string): Promise<void> {
  let answer: unknown
  try {
    answer = await command()
  } catch (error) {
    const found = error instanceof Error && 'code' in error ? error.code : undefined
    if (found !== code) throw new assert.AssertionError({ message: `${what}: ${error} instead of ${code}` })
    return
  }
  assert.fail(`${what}: answered ${shown(answer)} instead of ${code}`)
}

/** Collects the keys a scan yields, sorted. */
export async function keysOf(backend: Backend, pattern = '*', batchSize = 100): Promise<string[]> {
  const keys: string[] = []
  for await (const key of backend.scan(pattern, batchSize)) keys.push(key)
  return keys.sort()
}

/** Answers what `inspect` does, for a key that has to be there. */
export async function snapshotOf(backend: Backend, key: string): Promise<Snapshot> {
  const found = await backend.inspect(key)
  if (found === MISS) assert.fail(`"${key}" is not there`)
  return found
}

/** Asserts the time a key has left: to the millisecond where time is moved by hand, within a unit where it really passes. */
export async function lives(
  { backend, exact, unit }: CheckContext,
  key: string,
  expected: Milliseconds,
): Promise<void> {
  near(await backend.timeLeft(key), expected, exact ? 1 : unit)
}

/** Asserts that a time left is the one expected, or less by no more than `slack`. */
export function near(actual: unknown, expected: Milliseconds, slack: Milliseconds): void {
  const close = typeof actual === 'number' && actual <= expected + 2 && actual >= expected - slack
  assert.ok(close, `time left: ${shown(actual)} instead of ${expected}`)
}

/** How many characters of a value a message shows. */
const LONGEST = 200

function shown(value: unknown): string {
  const text = textOf(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    return String(value)
  }
}
