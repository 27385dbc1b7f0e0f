import { CommandError } from '@cashews/core'
import { LoadStoppedError } from './errors.ts'
import type { Filter } from './filter.ts'

/** Settings of a load. */
export interface LoadOptions {
  /** How many elements go to the store at a time. @default 1_000 */
  readonly batchSize?: number
  /** How many of the elements to pass over, because an earlier load of the same ones got so far. @default 0 */
  readonly from?: number
  /** Told after each batch. */
  readonly onProgress?: (progress: Progress) => void
}

/** How far a load has come. */
export interface Progress {
  /** How many elements are in the filter. A load that is begun anew with `from: done` goes on here. */
  readonly done: number
}

/** What an `Iterable` or `AsyncIterable` is read from. */
export type Source<T> = Iterable<T> | AsyncIterable<T>

const NAMES = ['batchSize', 'from', 'onProgress']

/**
 * Fills a filter batch by batch, and lets others have their turn in between. Answers how many elements are in it.
 *
 * @throws {LoadStoppedError} When the store does not take a batch. It tells where to go on.
 * @throws {FilterLostError} When what was loaded before is gone from the store.
 */
export async function load<T>(
  filter: Filter,
  name: string,
  source: Source<T>,
  elementOf: (item: T) => string,
  options: LoadOptions,
): Promise<number> {
  const { batchSize, from, onProgress } = checked(source, options)
  await filter.beginLoading(from)
  let done = 0
  let batch: string[] = []
  const send = async (): Promise<void> => {
    if (batch.length === 0) return
    if (!(await filter.addMany(batch))) throw new LoadStoppedError(name, done - batch.length)
    batch = []
    onProgress?.({ done })
    await new Promise((resolve) => setImmediate(resolve))
  }
  for await (const item of source) {
    if (++done <= from) continue
    if (batch.push(elementOf(item)) === batchSize) await send()
  }
  await send()
  await filter.endLoading()
  return done
}

/** @throws {CommandError} When there is nothing to load from, or an option does not exist or cannot work. */
function checked(source: unknown, options: LoadOptions) {
  const isSource =
    typeof source === 'object' && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source)
  if (!isSource) throw new CommandError(`A load takes a list of elements, or another iterable, not ${source}.`)
  const stray = Object.keys(options).find((option) => !NAMES.includes(option))
  if (stray !== undefined) throw new CommandError(`A load has no option "${stray}". Its options: ${NAMES.join(', ')}.`)
  const { batchSize = 1_000, from = 0, onProgress } = options
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new CommandError(`A batch has at least 1 element, not ${batchSize}.`)
  if (!Number.isSafeInteger(from) || from < 0)
    throw new CommandError(`A load goes on after so many elements, at least 0, not ${from}.`)
  return { batchSize, from, onProgress }
}
