import { spawnSync } from 'node:child_process'
import { quantile } from './harness.ts'
import { ids } from './users.ts'

/**
 * The number of processes that measure a difference of a few nanoseconds. One is not enough: the same code, compared with
 * itself, differs by up to 70 ns, or a tenth, from process to process, depending on how V8 happened to compile it.
 */
const PROCESSES = 12

/** What the script of a lane is to measure as a child process; `undefined` in the parent process. */
export const role: string | undefined = process.argv[2]

/** The note on a figure that several processes measured. */
export const beside = `median of ${PROCESSES} processes`

/** The median of the measured figures, and their quartiles. */
export interface Asked {
  readonly ratio: number
  readonly quartiles: readonly [number, number]
}

/**
 * Has processes compare two kinds in both orders.
 *
 * @param kinds Two letters, the {@link role} of the process, which prints its figure to standard output.
 * @param turned Converts a figure for the other order to this order.
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

/** A batch of calls in a loop of its own. Compiled anew for each contender, since one function makes two of them here. */
export function ownLoop(load: (id: string) => Promise<unknown>): () => Promise<void> {
  const make = new Function('load', 'ids', 'return async () => { for (const id of ids) await load(id) }')
  return make(load, ids) as () => Promise<void>
}
