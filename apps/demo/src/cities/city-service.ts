import type { Cache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import type { CityFinder } from './city-finder.ts'

/** The finder made fast by `cached`. This is all the caching code a service needs. */
export function cityService(cache: Cache, finder: CityFinder) {
  return {
    near: cached(cache, { ttl: '10m', key: 'demo:near:{lat}:{lon}' }, async (lat: number, lon: number) =>
      finder.near(lat, lon),
    ),
    search: cached(cache, { ttl: '10m', key: 'demo:search:{text:lower}' }, async (text: string) => finder.search(text)),
  }
}
