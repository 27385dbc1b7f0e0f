import { setImmediate as nextTurn } from 'node:timers/promises'
import type { City } from '../cities/city.ts'
import { CityFinder } from '../cities/city-finder.ts'
import { cityService } from '../cities/city-service.ts'
import { places } from '../cities/places.ts'
import type { Section } from '../section.ts'

const [lat, lon] = places['Sydney Opera House']
const newTown: City = { name: 'Cashew Point', country: 'AU', population: 1, lat, lon }

export const overtakenLoad: Section = {
  title: 'An invalidation during a load',
  promise: 'During a scan, a city is founded and its neighbourhood invalidated. The scan knows nothing of it.',

  async show({ cache, cities, report }) {
    const finder = new CityFinder(cities)
    const { near } = cityService(cache, finder)

    const underWay = near(lat, lon)
    while (finder.scans === 0) await nextTurn() // until it looks at the cities as they are now
    finder.add(newTown)
    await near.invalidate(lat, lon)
    const overtaken = await underWay
    const kept = await near.peek(lat, lon)
    const next = await near(lat, lon)
    const after = await near.peek(lat, lon)

    const nearest = (answer: readonly City[] | undefined) => answer?.[0]?.name ?? '·'
    report.table(
      ['', 'nearest to the Sydney Opera House'],
      [
        ['the scan that was overtaken says', nearest(overtaken)],
        ['kept of it', nearest(kept)],
        ['the next call says', nearest(next)],
        ['kept of it', nearest(after)],
      ],
    )
    report.claim(
      'the outdated answer was given to the caller who waited for it, and not kept',
      kept === undefined && nearest(overtaken) !== newTown.name,
    )
    report.claim(
      'the next caller was told of the new city',
      nearest(next) === newTown.name && nearest(after) === newTown.name,
    )
  },
}
