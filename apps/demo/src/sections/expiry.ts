import { setTimeout as sleep } from 'node:timers/promises'
import { cached } from '@cashews/strategies'
import { CityFinder } from '../cities/city-finder.ts'
import { places } from '../cities/places.ts'
import { timed } from '../measure.ts'
import { duration } from '../print/units.ts'
import type { Section } from '../section.ts'

const [lat, lon] = places['Machu Picchu']

export const expiry: Section = {
  title: 'Time to live',
  promise: "An answer with ttl: '1s' is stored for one second, and then computed again.",

  async show({ cache, cities, report }) {
    const finder = new CityFinder(cities)
    const near = cached(cache, { ttl: '1s', key: 'demo:brief:{lat}:{lon}' }, async (lat: number, lon: number) =>
      finder.near(lat, lon),
    )
    const started = performance.now()
    const secondsLeft = () => cache.getExpire(near.key(lat, lon))

    const ask = async () => {
      const left = await secondsLeft()
      const scansBefore = finder.scans
      const { ms } = await timed(() => near(lat, lon))
      return { at: performance.now() - started, left, scanned: finder.scans > scansBefore, ms }
    }

    const waiting = report.progress('Waiting for a second to pass')
    const first = await ask()
    await sleep(400)
    const second = await ask()
    await sleep(((await secondsLeft()) ?? 0) * 1_000 + 20)
    const third = await ask()
    waiting.end()

    report.table(
      ['answered at', 'stored for another', 'answered by', 'in'],
      [first, second, third].map(({ at, left, scanned, ms }) => [
        seconds(at / 1_000),
        left === undefined ? '–' : seconds(left),
        scanned ? 'a scan' : 'the cache',
        duration(ms),
      ]),
    )
    const isKept = !second.scanned || second.at > 1_000 // unless the machine was too slow
    report.claim('within its time to live the answer came from the cache', first.scanned && isKept)
    report.claim('after that it was gone, and computed again', third.left === undefined && third.scanned)
  },
}

function seconds(n: number): string {
  return `${n.toFixed(2)} s`
}
