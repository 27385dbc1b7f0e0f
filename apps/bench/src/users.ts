/** The result of the slow functions in the lanes: a plain object of six fields. */
export interface User {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly age: number
  readonly active: boolean
  readonly country: string
}

/** The capacity of every cache. */
export const CAPACITY = 10_000

/** The ids of the users in one batch, in another order than the caches were filled in. */
export const ids: readonly string[] = Array.from({ length: 1_000 }, (_, at) => String((at * 617) % 1_000))

export function userOf(id: string): User {
  return {
    id,
    name: `User ${id}`,
    email: `user${id}@example.com`,
    age: 20 + (Number(id) % 60),
    active: true,
    country: 'NO',
  }
}

/** A slow function that counts its calls. */
export function counted<A extends readonly unknown[], R>(
  fn: (...args: A) => R | Promise<R>,
): ((...args: A) => Promise<R>) & { calls: number } {
  const load = Object.assign(
    async (...args: A) => {
      load.calls++
      return fn(...args)
    },
    { calls: 0 },
  )
  return load
}

/** Each user under a key. */
export const keyedUsers = ids.map((id) => ({ key: `user:${id}`, user: userOf(id) }))

/** The same, a hundred at a time. */
export const hundreds = Array.from({ length: 10 }, (_, at) => keyedUsers.slice(at * 100, at * 100 + 100))
