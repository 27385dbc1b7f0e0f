import { isDeepStrictEqual } from 'node:util'
import { mostPopulous } from '../cities/most-populous.ts'
import { percentile, timed } from '../measure.ts'
import { duration, times } from '../print/units.ts'
import type { Section } from '../section.ts'

const KEY = 'demo:largest'
const READS = 2_000

export const nearAtHand: Section = {
  title: 'Client-side copies',
  promise: 'A value that was read once is answered from this process, until Redis reports a change.',

  async show({ cache, cities, report }) {
    const largest = mostPopulous(cities, 5)
    await cache.set(KEY, largest, { ttl: '1h' })
    await cache.get(KEY)
    const measuring = report.progress('Reading one value again and again')
    const [far, near]: [number[], number[]] = [[], []]
    let same = true
    for (let read = 0; read < READS; read++) {
      // getRaw always reads from the server.
      far.push((await timed(() => cache.getRaw(KEY))).ms)
      const copy = await timed(() => cache.get(KEY))
      near.push(copy.ms)
      same &&= isDeepStrictEqual(copy.result, largest)
    }
    measuring.end()
    const [asked, copied] = [percentile(far, 0.5), percentile(near, 0.5)]
    report.table(
      ['from Redis p50', 'from a copy p50', 'faster'],
      [[duration(asked), duration(copied), times(asked / copied)]],
    )
    report.claim('every copy equals what was stored', same)
    await cache.set(KEY, [])
    report.claim('our own change is seen at once', isDeepStrictEqual(await cache.get(KEY), []))
  },
}
