import { CityFinder } from '../cities/city-finder.ts'
import { cityService } from '../cities/city-service.ts'
import { mostPopulous } from '../cities/most-populous.ts'
import { sum, timed } from '../measure.ts'
import { count, duration, percent } from '../print/units.ts'
import { seeded, zipf } from '../random.ts'
import type { Section } from '../section.ts'

const CITIES = 50
/** The last request of each row of the table. */
const STRETCHES = [100, 1_000, 10_000, 30_000]
const REQUESTS = Math.max(...STRETCHES)

/** The measurement of one request. */
interface Sample {
  readonly ms: number
  readonly scanned: boolean
}

export const hitRatio: Section = {
  title: 'Hit ratio under load',
  promise: `Zipf-distributed requests: the nth of the ${CITIES} largest cities is asked about 1/n as often as the first.`,

  async show({ cache, cities, report }) {
    const finder = new CityFinder(cities)
    const { near, search } = cityService(cache, finder)
    const random = seeded(1)
    const nextCity = zipf(mostPopulous(cities, CITIES), random)

    const questions = new Set<string>()
    const nextRequest = () => {
      const { name, lat, lon } = nextCity()
      const byName = random() < 0.5
      questions.add(byName ? search.key(name) : near.key(lat, lon))
      return () => (byName ? search(name) : near(lat, lon))
    }

    let hits = 0
    using _counting = cache.on('get', ({ result }) => {
      if (result !== undefined) hits++
    })

    const sending = report.progress(`Sending ${count(REQUESTS, 'request')}`)
    const samples: Sample[] = []
    while (samples.length < REQUESTS && finder.scans <= questions.size) {
      const before = finder.scans
      const { ms } = await timed(nextRequest())
      samples.push({ ms, scanned: finder.scans > before })
      sending.at(samples.length / REQUESTS)
    }
    sending.end()

    const sent = samples.length
    const starts = [0, ...STRETCHES].filter((from) => from < sent)
    const stretches = starts.map((from, at) => rowOf(samples, from, Math.min(STRETCHES[at] ?? REQUESTS, sent)))
    report.table(
      ['requests', 'scans', 'hits', 'hit ratio', 'mean time'],
      [...stretches, ['all', ...rowOf(samples, 0, REQUESTS).slice(1)]],
    )
    const scan = meanTime(samples.filter(({ scanned }) => scanned))
    report.note(
      `${count(sent, 'request')} took ${duration(timeOf(samples))}. Without a cache, ${duration(scan)} each, they would have taken ${duration(scan * sent)}.`,
    )
    if (sent < REQUESTS)
      report.note('No more were sent, because an answer was not stored for long: the store may be too small.')
    report.claim(
      `${count(finder.scans, 'scan')} answered ${count(questions.size, 'different question')}`,
      finder.scans === questions.size,
    )
    report.claim(`the other ${count(hits, 'request')} were hits`, hits + finder.scans === sent)
  },
}

function rowOf(samples: readonly Sample[], from: number, to: number): string[] {
  const stretch = samples.slice(from, to)
  const scans = stretch.filter(({ scanned }) => scanned).length
  const hits = stretch.length - scans
  return [
    `${count(from + 1)} – ${count(to)}`,
    count(scans),
    count(hits),
    percent(hits / stretch.length),
    duration(meanTime(stretch)),
  ]
}

function timeOf(samples: readonly Sample[]): number {
  return sum(samples.map(({ ms }) => ms))
}

function meanTime(samples: readonly Sample[]): number {
  return timeOf(samples) / samples.length
}
