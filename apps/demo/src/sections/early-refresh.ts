import { setTimeout as sleep } from 'node:timers/promises'
import { early } from '@cashews/strategies'
import { CityFinder } from '../cities/city-finder.ts'
import { places } from '../cities/places.ts'
import { timed } from '../measure.ts'
import { count, duration } from '../print/units.ts'
import type { Section } from '../section.ts'

const [lat, lon] = places['Machu Picchu']

export const earlyRefresh: Section = {
  title: 'An early refresh',
  promise: "With early and earlyTtl: '300ms', an old answer is returned at once, and replaced in the background.",

  async show({ cache, cities, report }) {
    const finder = new CityFinder(cities)
    const near = early(
      cache,
      { ttl: '1m', earlyTtl: '300ms', prefix: 'demo', key: 'near:{lat}:{lon}' },
      async (lat: number, lon: number) => finder.near(lat, lon),
    )
    const ask = async (when: string) => {
      const { ms } = await timed(() => near(lat, lon))
      return { when, ms, scansOver: finder.scansOver }
    }

    const cold = await ask('the first time')
    await sleep(350)
    const stale = await ask('past earlyTtl')
    while (finder.scansOver < 2) await sleep(10)
    const { scans } = finder
    await sleep(50)
    const fresh = await ask('a moment later')

    report.table(
      ['asked', 'answered in', 'scans so far'],
      [cold, stale, fresh].map(({ when, ms, scansOver }) => [when, duration(ms), count(scansOver)]),
    )
    report.claim('the refresh was one scan, and no caller waited for it', scans === 2 && stale.scansOver === 1)
    await near.invalidate(lat, lon)
  },
}
