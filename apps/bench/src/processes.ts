import { spawnSync } from 'node:child_process'
import { quantile } from './harness.ts'
import { ids } from './users.ts'

/**
 * How many processes are asked about a difference of a few nanoseconds. One says little: the same code, compared with itself,
 * differs by up to 70 ns, or a tenth, from process to process, by how V8 happened to compile it.
 */
const PROCESSES = 12

/** What the script of a lane is asked for in a process of its own; absent in the one that asks. */
export const role: string | undefined = process.argv[2]

/** What stands beside a figure that several processes were asked for. */
export const beside = `median of ${PROCESSES} processes`

/** The figure that a process answers, and half of the answers around it. */
export interface Asked {
  readonly ratio: number
  readonly quartiles: readonly [number, number]
}

/**
 * The median of what processes answer about two kinds, in both orders.
 *
 * @param kinds Two letters. A process has them as its {@link role}, and answers on its standard output.
 * @param turned Makes of an answer to the kinds in the other order what it says about them in this one.
 */
export function askInBothOrders(kinds: string, turned: (answer: number) => number): Asked {
  const asked = Array.from({ length: PROCESSES }, (_, nth) =>
    nth % 2 === 0 ? ask(kinds) : turned(ask(kinds.split('').reverse().join(''))),
  )
  return { ratio: quantile(asked, 0.5), quartiles: [quantile(asked, 0.25), quantile(asked, 0.75)] }
}

function ask(kinds: string): number {
  const [, script = ''] = process.argv
  const { stdout, status, stderr } = spawnSync(process.execPath, [...process.execArgv, script, kinds], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}

/** A batch of calls in a loop of its own, as every contender has: here two are made by one function. */
export function ownLoop(load: (id: string) => Promise<unknown>): () => Promise<void> {
  const make = new Function('load', 'ids', 'return async () => { for (const id of ids) await load(id) }')
  return make(load, ids) as () => Promise<void>
}
