import { RateLimitError, rateLimit } from '@cashews/strategies'
import { CityFinder } from '../cities/city-finder.ts'
import { count } from '../print/units.ts'
import type { Section } from '../section.ts'

const CALLS = 100
const LIMIT = 10

export const limits: Section = {
  title: 'A rate limit',
  promise: `Each user may search ${LIMIT} times a minute. Two users search ${CALLS} times each, all at once.`,

  async show({ cache, cities, report }) {
    const finder = new CityFinder(cities)
    const search = rateLimit(
      cache,
      { limit: LIMIT, period: '1m', prefix: 'demo', key: 'search:{0}' },
      async (_user: string, text: string) => finder.search(text),
    )
    const users = ['ada', 'bob']
    const rows = await Promise.all(
      users.map(async (user) => {
        const outcomes = await Promise.allSettled(Array.from({ length: CALLS }, () => search(user, 'york')))
        const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
        return { user, allowed: CALLS - refused.length, refused }
      }),
    )

    report.table(
      ['user', 'searches', 'allowed', 'refused', 'retry after'],
      rows.map(({ user, allowed, refused }) => [
        user,
        count(CALLS),
        count(allowed),
        count(refused.length),
        refused[0] instanceof RateLimitError ? `${refused[0].retryAfter} s` : '–',
      ]),
    )
    report.claim(
      `each was allowed exactly ${LIMIT}, though all came at once`,
      rows.every(({ allowed }) => allowed === LIMIT),
    )
    for (const user of users) await search.invalidate(user, '')
  },
}
