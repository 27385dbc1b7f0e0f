import { isDeepStrictEqual } from 'node:util'
import { cached } from '@cashews/strategies'
import { CityFinder } from '../cities/city-finder.ts'
import { cityService } from '../cities/city-service.ts'
import { places } from '../cities/places.ts'
import { timed } from '../measure.ts'
import { count, duration } from '../print/units.ts'
import type { Section } from '../section.ts'

const ALONE = 20
const TOGETHER = 1_000

export const stampede: Section = {
  title: 'A stampede',
  promise: 'Many callers want the same answer at the same moment, and the cache does not have it yet.',

  async show({ cache, cities, report }) {
    const alone = new CityFinder(cities)
    const nearAlone = cached(
      cache,
      { ttl: '10m', key: 'demo:alone:{lat}:{lon}', singleFlight: false },
      async (lat: number, lon: number) => alone.near(lat, lon),
    )
    const together = new CityFinder(cities)
    const { near } = cityService(cache, together)

    const without = await timed(() => crowd(ALONE, () => nearAlone(...places['Taj Mahal'])))
    const withIt = await timed(() => crowd(TOGETHER, () => near(...places['Taj Mahal'])))
    report.table(
      ['single flight', 'callers', 'scans', 'all answered in'],
      [
        ['off', count(ALONE), count(alone.scans), duration(without.ms)],
        ['on (default)', count(TOGETHER), count(together.scans), duration(withIt.ms)],
      ],
    )
    report.claim(`${count(TOGETHER, 'caller')} of a cold key cost one scan`, together.scans === 1)
    const same = withIt.result.every((answer) => isDeepStrictEqual(answer, without.result[0]))
    report.claim(`all of them got the answer, ${without.result[0]?.[0]?.name} first`, same)
  },
}

function crowd<T>(callers: number, ask: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: callers }, ask))
}
