import { type Awaitable, all, type Call, chain, type Guard } from '@cashews/core'

/** Splits positions by the server that holds the keys at them; `undefined` when one holds all. */
type PerServer = (keys: readonly string[]) => number[][] | undefined

/** Has each of several servers answer in time for itself: of many keys that are read, one that is late costs its own alone. */
export function guardPerServer(guard: Guard, perServer: PerServer): Guard {
  return {
    run(call, perform, matters) {
      const shares = call.command === 'getMany' ? perServer(call.keys) : undefined
      if (shares === undefined) return guard.run(call, perform, matters)
      const { backend, keys } = call as Call & { command: 'getMany' }
      const answers = shares.map((places) => {
        const own = places.map((at) => keys[at] as string)
        return guard.run({ ...call, keys: own } as Call, () => backend.getMany(own), matters) as Awaitable<unknown[]>
      })
      return chain(all(answers), (found) => inOrder(shares, found))
    },
    get: (key, fallback, store) => guard.get(key, fallback, store),
    stream: (call, source) => guard.stream(call, source),
    open: (opening) => guard.open(opening),
    stop: () => guard.stop(),
  }
}

/** Puts what was found at some positions in the order of all. */
function inOrder(shares: readonly (readonly number[])[], found: readonly (readonly unknown[])[]): unknown[] {
  const all: unknown[] = []
  for (const [nth, places] of shares.entries())
    for (const [order, at] of places.entries()) all[at] = found[nth]?.[order]
  return all
}
