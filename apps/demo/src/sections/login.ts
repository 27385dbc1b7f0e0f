import { setTimeout as wait } from 'node:timers/promises'
import type { Cache } from '@cashews/core'
import { transactional } from '@cashews/transactions'
import type { Section } from '../section.ts'

const LOGINS = 20

/** A login that changes four keys of a user. */
function logins(cache: Cache, prefix: string) {
  const keys = { current: `${prefix}:current`, count: `${prefix}:count`, before: `${prefix}:before` }
  const login = async (session: string): Promise<string | undefined> => {
    const before = await cache.get<string>(keys.current)
    await wait(1) // stands for a check of the permissions
    await cache.incr(keys.count)
    await cache.set(keys.before, before ?? 'nobody')
    await cache.set(keys.current, session)
    await cache.set(`${prefix}:token:${session}`, { session }, { ttl: '1h' })
    return before
  }
  return { keys, login }
}

/** Whether the sessions form one chain: no session was followed by two logins. */
function isChain(followed: readonly (string | undefined)[]): boolean {
  return new Set(followed).size === followed.length
}

export const loginSection: Section = {
  title: 'A login that changes four keys',
  promise: `${LOGINS} logins of one user at once. Each reads the current session, and writes four keys.`,

  async show({ cache, report }) {
    const sessions = Array.from({ length: LOGINS }, (_, at) => `s${at}`)
    const look = async (
      prefix: string,
      wrap: <F extends (session: string) => Promise<string | undefined>>(fn: F) => F,
    ) => {
      const { keys, login } = logins(cache, prefix)
      const one = wrap(login)
      const followed = await Promise.all(sessions.map((session) => one(session)))
      const [count, current, before] = await cache.getMany([keys.count, keys.current, keys.before])
      const last = sessions.indexOf(String(current))
      return { count, chain: isChain(followed), agrees: (followed[last] ?? 'nobody') === before }
    }
    // On a Redis Cluster the braces keep the keys of a user in one slot, where they can change in one step.
    const plain = await look('demo:{plain}', (fn) => fn)
    const together = await look('demo:{together}', transactional(cache, { timeout: '30s' }))

    const shown = ({ count, chain }: typeof plain) => [String(count), chain ? 'yes' : 'no']
    report.table(
      ['', 'logins counted', 'sessions form one chain'],
      [
        ['commands one by one', ...shown(plain)],
        ['in a transaction', ...shown(together)],
      ],
    )
    report.claim('one by one, several logins replaced the same session, and others were never replaced', !plain.chain)
    report.claim(
      'in a transaction each replaced the one before, and all four keys agree',
      together.count === LOGINS && together.chain && together.agrees,
    )
  },
}
