import { type Awaitable, isPending } from '../awaitable.ts'

/** Gathers answers, at once when all are at hand. */
export function all<T>(answers: readonly Awaitable<T>[]): Awaitable<T[]> {
  return answers.some(isPending) ? Promise.all(answers) : (answers as T[])
}
