import { CommandError, kindOfOption, strayOf } from '@cashews/core'
import { LoadStoppedError } from './errors.ts'
import type { Filter } from './filter.ts'

/** Settings of a load. */
export interface LoadOptions {
  /** How many elements go to the store at a time. @default 1_000 */
  readonly batchSize?: number | undefined
  /** How many elements to skip, because an earlier load of the same source has added them. @default 0 */
  readonly from?: number | undefined
  /** Called after each batch. @default none */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** How far a load has come. */
export interface Progress {
  /** How many elements are in the filter. A new load with `from: done` continues here. */
  readonly done: number
}

/** Where the elements of a load come from. */
export type Source<T> = Iterable<T> | AsyncIterable<T>

const NAMES = ['batchSize', 'from', 'onProgress']

/**
 * Fills a filter batch by batch, and yields to the event loop in between. Returns the number of elements.
 *
 * @throws {LoadStoppedError} When the store does not take a batch. It tells where to continue.
 * @throws {FilterLostError} When elements loaded before are gone from the store.
 */
export async function load<T>(
  filter: Filter,
  name: string,
  source: Source<T>,
  elementOf: (item: T) => string,
  options: LoadOptions,
): Promise<number> {
  const { batchSize, from, onProgress } = checked(source, options)
  let done = 0
  let batch: string[] = []
  const send = async (): Promise<void> => {
    if (batch.length === 0) return
    if (!(await filter.addMany(batch))) throw new LoadStoppedError(name, done - batch.length)
    batch = []
    onProgress?.({ done })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await filter.fill(from, async () => {
    for await (const item of source) {
      if (++done <= from) continue
      if (batch.push(elementOf(item)) === batchSize) await send()
    }
    await send()
  })
  return done
}

/** @throws {CommandError} When the source is not an iterable, or an option is unknown or cannot work. */
function checked(source: unknown, options: LoadOptions) {
  const isSource =
    typeof source === 'object' && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source)
  if (!isSource)
    throw new CommandError(`setMany takes a list of elements, or another iterable, not ${kindOfOption(source)}.`)
  const stray = strayOf(options, NAMES)
  if (stray !== undefined) throw new CommandError(`setMany takes the options { ${NAMES.join(', ')} }, not ${stray}.`)
  const { batchSize = 1_000, from = 0, onProgress } = options
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new CommandError(`batchSize must be at least 1, not ${kindOfOption(batchSize)}.`)
  if (!Number.isSafeInteger(from) || from < 0)
    throw new CommandError(`from must be a number of elements, at least 0, not ${kindOfOption(from)}.`)
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new CommandError(`onProgress must be a function, not ${kindOfOption(onProgress)}.`)
  return { batchSize, from, onProgress }
}
