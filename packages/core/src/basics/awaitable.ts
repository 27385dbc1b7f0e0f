import { MISS } from '../backend.ts'

/** A value, or a promise of it: a value that is at hand costs no extra turn of the event loop. */
export type Awaitable<T> = T | Promise<T>

/** Whether a value is a promise, including one of another realm, as created by test runners. */
export function isPending(value: unknown): value is Promise<unknown> {
  if (value instanceof Promise) return true
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Partial<Promise<unknown>>)[Symbol.toStringTag] === 'Promise'
  )
}

/**
 * Whether a read has found a value synchronously. The type is checked first, because V8 is slow at comparing a value of
 * unknown type with a symbol.
 */
export function isAtHand(answer: unknown): boolean {
  return typeof answer === 'symbol' ? answer !== MISS : !isPending(answer)
}

/** Calls `next` with a value: at once, or when its promise is fulfilled. */
export function chain<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return isPending(value) ? value.then(next) : next(value)
}

/** `Promise.all`, but at once when no promise is among the values. */
export function all<T>(answers: readonly Awaitable<T>[]): Awaitable<T[]> {
  return answers.some(isPending) ? Promise.all(answers) : (answers as T[])
}

/** Calls `failed` when `attempt` throws or rejects. */
export function recover<T>(attempt: () => Awaitable<T>, failed: (error: unknown) => Awaitable<T>): Awaitable<T> {
  try {
    const answer = attempt()
    return isPending(answer) ? answer.catch(failed) : answer
  } catch (error) {
    return failed(error)
  }
}
