import { MISS } from './backend.ts'

/** An answer now, or a promise of it. A store inside the process costs no extra turn of the event loop. */
export type Awaitable<T> = T | Promise<T>

/** Tells whether an answer is still to come. Knows promises of another realm too, as test runners have them. */
export function isPending(value: unknown): value is Promise<unknown> {
  if (value instanceof Promise) return true
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Partial<Promise<unknown>>)[Symbol.toStringTag] === 'Promise'
  )
}

/**
 * Whether an answer is a value that is there now. Its type is asked first: V8 has no short way to compare what may be
 * anything with a symbol.
 */
export function isAtHand(answer: unknown): boolean {
  return typeof answer === 'symbol' ? answer !== MISS : !isPending(answer)
}

/** Goes on with `next` at once when `value` is there, and later when it is a promise. */
export function chain<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return isPending(value) ? value.then(next) : next(value)
}

/** Gathers answers, at once when all are at hand. */
export function all<T>(answers: readonly Awaitable<T>[]): Awaitable<T[]> {
  return answers.some(isPending) ? Promise.all(answers) : (answers as T[])
}

/** Goes on when `attempt` fails, at once or later. */
export function recover<T>(attempt: () => Awaitable<T>, failed: (error: unknown) => Awaitable<T>): Awaitable<T> {
  try {
    const answer = attempt()
    return isPending(answer) ? answer.catch(failed) : answer
  } catch (error) {
    return failed(error)
  }
}
