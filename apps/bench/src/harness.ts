import { setImmediate } from 'node:timers/promises'
import { type Bar, type Built, judged, type Row, report } from './report.ts'

/** One library in a lane. */
interface Contender {
  readonly name: string
  /** The number of operations in a batch. @default 1_000 */
  readonly operations?: number
  /**
   * Runs a batch of operations. Every contender has a loop of its own, so that no call site sees the functions of another, and
   * V8 optimizes each as in an application that uses only that library.
   */
  batch(): void | Promise<void>
  /** Throws when the library returns something wrong. Called before and after the measurement. */
  check(): void | Promise<void>
}

/** A contender beside ours. */
export interface Peer extends Contender {
  /** `atLeast` applies to theirs divided by ours, `atMost` to ours divided by theirs. Absent: only shown for comparison. */
  readonly bar?: Bar
  /** A bar for the CPU time in a comparison of wall-clock time. */
  readonly cpuBar?: Bar
}

/** Contenders that take turns in one process. */
export interface Comparison {
  /** The lane of the performance page, such as `M1`. */
  readonly lane: string
  readonly what: string
  /**
   * What is compared: the CPU time of the main thread, or the wall-clock time when a server works too.
   *
   * @default 'cpu'
   */
  readonly clock?: 'cpu' | 'wall'
  /** Whether ratios without a bar are ours divided by theirs. @default false */
  readonly isCost?: boolean
  /** How long the comparison may take, in milliseconds. @default 6_000 */
  readonly budget?: number
  readonly ours: Contender
  readonly peers: readonly Peer[]
}

/** The time of an operation, in nanoseconds. */
interface Took {
  readonly cpu: number
  readonly wall: number
}

/** How long each contender works in one turn, in nanoseconds. */
const SLICE = 8e6
const WARM_UP_SLICES = 20
const FEWEST_ROUNDS = 21
const MOST_ROUNDS = 151

/**
 * Measures contenders in turns, in a rotating order. Each slice starts with an empty young generation, so that no contender
 * pays for the garbage of another. Measures the CPU time of the main thread, unless the lane asks for wall-clock time. The
 * ratio is the median of the ratios of the rounds.
 */
export async function compare(comparison: Comparison): Promise<Row[]> {
  const { clock = 'cpu', budget = 6_000, ours, peers } = comparison
  const contenders = [ours, ...peers]
  const batches: number[] = []
  for (const contender of contenders) {
    await check(contender)
    batches.push(await warmUp(contender, clock))
  }
  const times: Took[][] = contenders.map(() => [])
  const end = performance.now() + budget
  for (let round = 0; round < MOST_ROUNDS && (round < FEWEST_ROUNDS || performance.now() < end); round++)
    for (const turn of contenders.keys()) {
      const at = (turn + round) % contenders.length
      times[at]?.push(await perOperation(contenders[at] as Contender, batches[at] as number))
    }
  for (const contender of contenders) await check(contender)
  const [own = [], ...others] = times
  return peers.flatMap((peer, at) => {
    const theirs = others[at] ?? []
    const row = rowOf(comparison, peer.name, peer.bar, by(clock, own), by(clock, theirs))
    if (peer.cpuBar === undefined) return row
    return [row, rowOf(comparison, `${peer.name}, CPU`, peer.cpuBar, by('cpu', own), by('cpu', theirs))]
  })
}

function by(clock: keyof Took, times: readonly Took[]): number[] {
  return times.map((took) => took[clock])
}

/** A row for a count with one right value. */
export function exactly(lane: string, what: string, found: number, expected: number): Row {
  return { lane, what, ratio: found, bar: `= ${expected}`, passed: found === expected }
}

/** Runs a lane, and prints and saves its rows. @param built What is measured, where the lane can measure only one. */
export async function run(rows: () => Promise<readonly Row[]>, built?: Built): Promise<void> {
  report(await rows(), built)
}

async function check(contender: Contender): Promise<void> {
  try {
    await contender.check()
  } catch (cause) {
    throw new Error(`${contender.name} does not answer as it should.`, { cause })
  }
}

/** Lets V8 optimize a contender. Returns how many batches make a slice. */
async function warmUp(contender: Contender, clock: keyof Took): Promise<number> {
  let batches = 1
  for (let slice = 0; slice < WARM_UP_SLICES; slice++) {
    const took = (await perOperation(contender, batches))[clock] * (contender.operations ?? 1_000)
    batches = Math.max(1, Math.round(SLICE / Math.max(took, 1e3)))
  }
  return batches
}

/** Measures an operation. Timers and I/O run between batches, as in a server. */
async function perOperation({ batch, operations = 1_000 }: Contender, batches: number): Promise<Took> {
  collectGarbage?.({ type: 'minor' })
  await setImmediate()
  const [cpu, wall] = [cpuTime(), performance.now()]
  for (let made = 0; made < batches; made++) {
    await batch()
    await setImmediate()
  }
  const elapsed = (performance.now() - wall) * 1e6
  return { cpu: (cpuTime() - cpu) / (batches * operations), wall: elapsed / (batches * operations) }
}

function rowOf(
  { lane, what, isCost: isCostly = false }: Comparison,
  beside: string,
  bar: Bar | undefined,
  own: readonly number[],
  theirs: readonly number[],
): Row {
  const isCost = bar === undefined ? isCostly : 'atMost' in bar
  const ratios = own.map((time, at) => (isCost ? time / (theirs[at] as number) : (theirs[at] as number) / time))
  const row: Row = {
    lane,
    what,
    beside,
    ours: quantile(own, 0.5),
    theirs: quantile(theirs, 0.5),
    ratio: quantile(ratios, 0.5),
    ...(isCost && { isCost }),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  }
  return bar === undefined ? row : judged(row, bar)
}

/** The quantile of values. @param part 0 to 1: `0.5` for the median. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.round((sorted.length - 1) * part)] as number
}

/**
 * The CPU time of this thread, in nanoseconds, which a busy machine does not increase. Linux updates the clock of a running
 * thread every 4 ms, and whenever the thread sleeps, so this sleeps for a moment.
 */
function cpuTime(): number {
  Atomics.wait(pillow, 0, 0, 0.02)
  const { user, system } = process.threadCpuUsage()
  return (user + system) * 1e3
}

const pillow = new Int32Array(new SharedArrayBuffer(4))
const collectGarbage = globalThis.gc as ((options: { type: 'minor' }) => void) | undefined
