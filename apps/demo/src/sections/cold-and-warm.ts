import { isDeepStrictEqual } from 'node:util'
import type { City } from '../cities/city.ts'
import { CityFinder } from '../cities/city-finder.ts'
import { cityService } from '../cities/city-service.ts'
import { mostPopulous } from '../cities/most-populous.ts'
import { percentile, timed } from '../measure.ts'
import { count, duration, times } from '../print/units.ts'
import type { Section } from '../section.ts'

const CITIES = 20
/** How often each question is asked again. */
const ROUNDS = 250

type Ask = (city: City) => Promise<City[]>

export const coldAndWarm: Section = {
  title: 'Cold and warm',
  promise: 'The first time a question is asked, every city is looked at. From then on the cache answers.',

  async show({ cache, cities, report }) {
    const finder = new CityFinder(cities)
    const { near, search } = cityService(cache, finder)
    const questions = new Map<string, Ask>([
      ['5 nearest cities', ({ lat, lon }) => near(lat, lon)],
      ['search by name', ({ name }) => search(name)],
    ])

    const asking = report.progress(`Asking about ${count(CITIES, 'city', 'cities')}`)
    const rows: string[][] = []
    let calls = 0
    let same = true
    for (const [question, ask] of questions) {
      const cold: number[] = []
      const warm: number[] = []
      for (const city of mostPopulous(cities, CITIES)) {
        const first = await timed(() => ask(city))
        cold.push(first.ms)
        for (let round = 0; round < ROUNDS; round++) {
          const again = await timed(() => ask(city))
          warm.push(again.ms)
          same &&= isDeepStrictEqual(again.result, first.result)
        }
      }
      calls += cold.length + warm.length
      const [before, after] = [percentile(cold, 0.5), percentile(warm, 0.5)]
      const shown = [before, percentile(cold, 0.99), after, percentile(warm, 0.99)]
      rows.push([question, ...shown.map(duration), times(before / after)])
    }
    asking.end()

    report.table(['question', 'cold p50', 'cold p99', 'warm p50', 'warm p99', 'faster at p50'], rows)
    report.claim(
      `${count(calls, 'call')} cost ${count(finder.scans, 'scan')}: one for each question`,
      finder.scans === questions.size * CITIES,
    )
    report.claim('every warm answer equals the cold one', same)
  },
}
