import type { Detection } from '@cashews/core'
import { CityFinder } from '../cities/city-finder.ts'
import { cityService } from '../cities/city-service.ts'
import { places } from '../cities/places.ts'
import type { Section } from '../section.ts'

const [lat, lon] = places['Eiffel Tower']

export const detection: Section = {
  title: 'Where an answer came from',
  promise: 'cache.detect(fn) lists what the cache did for every call inside fn, however deep.',

  async show({ cache, cities, report }) {
    const finder = new CityFinder(cities)
    const { near, search } = cityService(cache, finder)
    await search('York') // somebody asked before

    const { calls } = await cache.detect(async () => {
      await Promise.all([near(lat, lon), near(lat, lon)])
      await search('york')
    })

    const rows = Object.entries(calls).flatMap(([key, seen]) =>
      seen.map((one) => [key, one.strategy, `${one.ttl} s`, one.backend, originOf(one)]),
    )
    report.table(['key', 'strategy', 'ttl', 'backend', 'answered by'], rows)

    const origins = (key: string) => calls[key]?.map(originOf).sort().join(' and ')
    report.claim(
      'of two callers at once, one scanned and the other shared the result',
      origins(near.key(lat, lon)) === 'a scan and the scan of another',
    )
    report.claim(
      "'york' was answered from the cache, by the result stored for 'York'",
      origins(search.key('york')) === 'the cache' && finder.scans === 2,
    )
  },
}

function originOf({ hit, shared }: Detection): string {
  if (hit) return 'the cache'
  return shared ? 'the scan of another' : 'a scan'
}
