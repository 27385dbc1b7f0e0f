import type { City } from './city.ts'

/** The largest cities, the largest first. */
export function mostPopulous(cities: readonly City[], howMany: number): City[] {
  return cities.toSorted((a, b) => b.population - a.population).slice(0, howMany)
}
