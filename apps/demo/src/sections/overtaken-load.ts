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
  promise: 'While a scan runs, a city is added and its neighbourhood is invalidated. The scan cannot see the new city.',

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
      ['nearest to the Sydney Opera House', 'the caller got', 'the cache stored'],
      [
        ['the scan that was running', nearest(overtaken), nearest(kept)],
        ['the next call', nearest(next), nearest(after)],
      ],
    )
    report.claim(
      'the outdated answer went to the caller who waited for it, and was not stored',
      kept === undefined && nearest(overtaken) !== newTown.name,
    )
    report.claim('the next caller got the new city', nearest(next) === newTown.name && nearest(after) === newTown.name)
  },
}
