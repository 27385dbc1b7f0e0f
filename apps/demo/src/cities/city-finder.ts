import { setImmediate as nextTurn } from 'node:timers/promises'
import type { City, Neighbour } from './city.ts'
import { distance } from './distance.ts'

const BEST = 5
const SLICE = 20_000

/** The lower the better; `undefined` excludes a city. */
type Score = (city: City) => number | undefined

/** Finds cities the slow way: without an index, by a scan of all cities for every question. */
export class CityFinder {
  /** The number of scans. */
  scans = 0
  /** The number of scans that have ended. */
  scansOver = 0
  #cities: readonly City[]

  constructor(cities: readonly City[]) {
    this.#cities = cities
  }

  /** The five cities nearest to a place, the nearest first. */
  async near(lat: number, lon: number): Promise<Neighbour[]> {
    const found = await this.#scan((city) => distance(lat, lon, city.lat, city.lon))
    return found.map(([km, city]) => ({ ...city, km }))
  }

  /** The five most populous cities with this text in their name. */
  async search(text: string): Promise<City[]> {
    const wanted = text.toLowerCase()
    const found = await this.#scan(({ name, population }) =>
      name.toLowerCase().includes(wanted) ? -population : undefined,
    )
    return found.map(([, city]) => city)
  }

  /** Adds a city, for the scans that start from now on. */
  add(city: City): void {
    this.#cities = [...this.#cities, city]
  }

  async #scan(scoreOf: Score): Promise<[score: number, city: City][]> {
    this.scans++
    const cities = this.#cities
    const best: [score: number, city: City][] = []
    for (const [at, city] of cities.entries()) {
      if (at % SLICE === SLICE - 1) await nextTurn() // a server has other requests to handle
      const score = scoreOf(city)
      if (score === undefined || score >= (best[BEST - 1]?.[0] ?? Number.POSITIVE_INFINITY)) continue
      best.push([score, city])
      best.sort(([a], [b]) => a - b)
      best.length = Math.min(best.length, BEST)
    }
    this.scansOver++
    return best
  }
}
