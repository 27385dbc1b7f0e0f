import { type Awaitable, all, type Call, chain, type Guard } from '@cashews/core'

/** Groups the positions of keys by the server that holds them; `undefined` when one server holds all. */
type PerServer = (keys: readonly string[]) => number[][] | undefined

/** Gives each server its own deadline in `getMany`, so that a server that is late costs only the values of its own keys. */
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
    repeat: () => guard.repeat(),
    stop: () => guard.stop(),
  }
}

/** Puts the values found by each server in the order of the keys. */
function inOrder(shares: readonly (readonly number[])[], found: readonly (readonly unknown[])[]): unknown[] {
  const all: unknown[] = []
  for (const [nth, places] of shares.entries())
    for (const [order, at] of places.entries()) all[at] = found[nth]?.[order]
  return all
}
