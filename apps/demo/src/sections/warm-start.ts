import { isDeepStrictEqual } from 'node:util'
import { cached } from '@cashews/strategies'
import { CityFinder } from '../cities/city-finder.ts'
import { mostPopulous } from '../cities/most-populous.ts'
import { timed } from '../measure.ts'
import { count, duration } from '../print/units.ts'
import type { Section } from '../section.ts'

const CITIES = 20

/** Not below `demo:`, so that the answers outlive this run. */
const KEY = 'kept-by-demo:{lat}:{lon}'

export const warmStart: Section = {
  title: 'A warm start',
  promise: 'A store that survives the process still has the answers of the run before. They are stored for a day.',

  async show({ cache, cities, report }) {
    const finder = new CityFinder(cities)
    const near = cached(cache, { ttl: '1d', key: KEY }, async (lat: number, lon: number) => finder.near(lat, lon))
    const asked = mostPopulous(cities, CITIES)

    const asking = report.progress(`Asking about ${count(CITIES, 'city', 'cities')}`)
    const { ms, result } = await timed(async () => {
      const answers = []
      for (const { lat, lon } of asked) answers.push(await near(lat, lon))
      return answers
    })
    const found = finder.scans
    const kept = CITIES - found
    asking.end()

    const start = kept === 0 ? 'a cold start' : kept === CITIES ? 'a warm start' : 'a half-warm start'
    report.note(`${start}: ${count(kept, 'answer')} from an earlier run, ${count(found, 'scan')}, in ${duration(ms)}`)
    const fresh = await Promise.all(asked.map(({ lat, lon }) => finder.near(lat, lon)))
    const same = isDeepStrictEqual(result, fresh)
    report.claim('every answer equals that of a scan', same)
  },
}
