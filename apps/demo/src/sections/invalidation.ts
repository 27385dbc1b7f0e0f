import { CityFinder } from '../cities/city-finder.ts'
import { cityService } from '../cities/city-service.ts'
import { places } from '../cities/places.ts'
import type { Section } from '../section.ts'

const texts = ['san', 'york']

export const invalidation: Section = {
  title: 'Invalidation',
  promise:
    'When data changes, the answers computed from it have to go: one of them, or all whose key matches a pattern.',

  async show({ cache, cities, report }) {
    const { near, search } = cityService(cache, new CityFinder(cities))
    const nearKeys = Object.values(places).map((place) => near.key(...place))
    const searchKeys = texts.map((text) => search.key(text))
    const keys = [...nearKeys, ...searchKeys]
    const stored = async () => {
      const found = await Promise.all(keys.map((key) => cache.exists(key)))
      return keys.filter((_, at) => found[at])
    }

    for (const place of Object.values(places)) await near(...place)
    for (const text of texts) await search(text)
    const asked = await stored()

    const [lat, lon] = places['Taj Mahal']
    await near.invalidate(lat, lon)
    const invalidated = await stored()

    const deleted = await cache.deleteMatch('demo:near:*')
    const left = await stored()

    const show = (key: string, among: readonly string[]) => (among.includes(key) ? 'stored' : '·')
    report.table(
      ['key', 'all asked', 'one invalidated', 'pattern deleted'],
      keys.map((key) => [key, show(key, asked), show(key, invalidated), show(key, left)]),
    )
    report.claim(
      `near.invalidate(${lat}, ${lon}) removed that answer and no other`,
      asked.length === keys.length &&
        isSame(
          invalidated,
          keys.filter((key) => key !== near.key(lat, lon)),
        ),
    )
    report.claim(
      `cache.deleteMatch('demo:near:*') removed the other ${deleted} of near, and none of search`,
      deleted === nearKeys.length - 1 && isSame(left, searchKeys),
    )
  },
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.join() === others.join()
}
