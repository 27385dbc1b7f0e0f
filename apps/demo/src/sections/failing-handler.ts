import type { Cache } from '@cashews/core'
import { transaction } from '@cashews/transactions'
import Database from 'better-sqlite3'
import type { Section } from '../section.ts'

interface User {
  readonly id: string
  readonly name: string
}

const ada: User = { id: '1', name: 'Ada' }
const grace: User = { id: '2', name: 'Grace' }
const keyOf = (user: User) => `demo:member:${user.id}`

/** A handler with a database, and another service that may refuse. */
function signingUp(cache: Cache, register: (user: User) => Promise<void>) {
  const db = new Database(':memory:')
  db.exec('CREATE TABLE members (id TEXT PRIMARY KEY, name TEXT)')

  const inDatabase = async <T>(fn: () => Promise<T>): Promise<T> => {
    db.exec('BEGIN IMMEDIATE')
    try {
      const result = await fn()
      db.exec('COMMIT')
      return result
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }
  const handler = (user: User) =>
    inDatabase(async () => {
      db.prepare('INSERT INTO members VALUES (?, ?)').run(user.id, user.name)
      await cache.set(keyOf(user), user)
      await register(user) // the last step, and the one that may fail
    })
  const has = (user: User) => db.prepare('SELECT 1 FROM members WHERE id = ?').get(user.id) !== undefined
  return { handler, has, close: () => db.close() }
}

export const failingHandler: Section = {
  title: 'A handler that fails after it wrote',
  promise:
    'A handler inserts a user, caches it, and calls another service, which fails. The database rolls back. And the cache?',

  async show({ cache, report }) {
    const { handler, has, close } = signingUp(cache, async ({ name }) => {
      if (name !== 'Grace') throw new Error(`The service elsewhere refuses ${name}.`)
    })
    const outcome = async (user: User) => ({ row: has(user), entry: await cache.exists(keyOf(user)) })

    await handler(ada).catch(() => {})
    const without = await outcome(ada)
    await cache.delete(keyOf(ada))

    const together = (user: User) => transaction(cache, () => handler(user), { mode: 'fast' })
    await together(ada).catch(() => {})
    const refused = await outcome(ada)
    await together(grace)
    const accepted = await outcome(grace)
    close()

    const shown = ({ row, entry }: typeof without) => [row ? 'yes' : 'no', entry ? 'yes' : 'no']
    report.table(
      ['', 'in the database', 'in the cache'],
      [
        ['fails, without a transaction of the cache', ...shown(without)],
        ['fails, in a transaction', ...shown(refused)],
        ['succeeds, in a transaction', ...shown(accepted)],
      ],
    )
    report.claim(
      'without a transaction, the cache holds a user that the database does not',
      without.entry && !without.row,
    )
    report.claim('in a transaction, a failure leaves the user in neither', !refused.row && !refused.entry)
    report.claim('in a transaction, a success leaves the user in both', accepted.row && accepted.entry)
  },
}
