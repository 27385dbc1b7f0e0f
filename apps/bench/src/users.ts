/** What the slow functions of the lanes answer: a plain object of six fields. */
export interface User {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly age: number
  readonly active: boolean
  readonly country: string
}

/** How many entries every cache may hold. */
export const CAPACITY = 10_000

/** Ids of the users asked for in one batch, in an order that no cache was filled in. */
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
