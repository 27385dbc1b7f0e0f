import type { Cache } from '@cashews/core'
import type { Estimate } from './filter.ts'
import { elementsFor, falsePositiveRate, type Sizing } from './sizing.ts'

/** How many bits are sampled of a larger filter, which is exact to about half a percent. */
const SAMPLE = 65_536
const BATCH = 4_096

/** Estimates how full a filter is from evenly spaced bits, since elements are spread at random. */
export async function sampled(cache: Cache, keys: readonly string[], sizing: Sizing): Promise<Estimate> {
  const { bits } = sizing
  const wanted = Math.min(bits, Math.ceil(SAMPLE / keys.length))
  let set = 0
  let isWhole = true
  for (const key of keys) {
    const read = async (indexes: readonly number[]) =>
      cache.engine.call<'getBits'>({ command: 'getBits', key, indexes, size: 1 })
    const marks = await read([bits, bits + 1])
    isWhole &&= marks[0] === 1 && marks[1] === 1
    for (let at = 0; at < wanted; at += BATCH) {
      const indexes = Array.from({ length: Math.min(BATCH, wanted - at) }, (_, nth) =>
        Math.floor(((at + nth) * bits) / wanted),
      )
      for (const bit of await read(indexes)) set += bit
    }
  }
  return estimateOf(isWhole, set / (wanted * keys.length), sizing)
}

function estimateOf(isWhole: boolean, filled: number, sizing: Sizing): Estimate {
  const most = sizing.bits * sizing.parts
  const elements = elementsFor(Math.min(filled, 1 - 1 / most), sizing)
  return { isWhole, filled, elements, falsePositives: falsePositiveRate(filled, sizing) * 100 }
}
