import { memory } from '@cashews/backend-memory'
import { type Cache, createCache } from '@cashews/core'
import { createTags } from '@cashews/tags'
import { type TransactionMode, transaction } from '@cashews/transactions'
import Database from 'better-sqlite3'
import { DataSource, EntitySchema } from 'typeorm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

interface User {
  readonly id: string
  readonly name: string
}

/** A database. `within` runs a function in one of its transactions. */
interface Users {
  within<T>(fn: (save: (user: User) => Promise<void>) => Promise<T>): Promise<T>
  names(): Promise<string[]>
  close(): Promise<void>
}

async function onBetterSqlite(): Promise<Users> {
  const db = new Database(':memory:')
  db.exec('CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT)')
  return {
    async within(fn) {
      db.exec('BEGIN IMMEDIATE')
      try {
        const result = await fn(async ({ id, name }) => {
          db.prepare('INSERT INTO users VALUES (?, ?)').run(id, name)
        })
        db.exec('COMMIT')
        return result
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
    names: async () => db.prepare('SELECT name FROM users').pluck().all() as string[],
    close: async () => void db.close(),
  }
}

const UserRow = new EntitySchema<User>({
  name: 'User',
  columns: { id: { type: 'text', primary: true }, name: { type: 'text' } },
})

async function onTypeOrm(): Promise<Users> {
  const source = new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [UserRow],
    synchronize: true,
  })
  await source.initialize()
  return {
    within: (fn) =>
      source.transaction((manager) =>
        fn(async (user) => {
          await manager.insert(UserRow, user)
        }),
      ),
    names: async () => (await source.getRepository(UserRow).find()).map(({ name }) => name),
    close: () => source.destroy(),
  }
}

const ada: User = { id: '1', name: 'Ada' }
const databases = { 'better-sqlite3': onBetterSqlite, TypeORM: onTypeOrm }

describe.each(Object.entries(databases))('a transaction around one of %s', (_, open) => {
  let users: Users
  let cache: Cache
  beforeEach(async () => {
    users = await open()
    cache = createCache().setup(memory())
  })
  afterEach(async () => {
    await users.close()
    await cache.close()
  })

  const signUp = (mode: TransactionMode, register: () => Promise<void>) =>
    transaction(
      cache,
      () =>
        users.within(async (save) => {
          await save(ada)
          await cache.set('user:1', ada)
          await cache.deleteMatch('page:1:*')
          await register()
          return ada.id
        }),
      { mode },
    )

  it.each(['fast', 'locked'] as const)('commits after the database, in the mode %s', async (mode) => {
    await cache.set('page:1:a', 'old')
    const id = await signUp(mode, async () => {})
    expect(id).toBe('1')
    expect(await users.names()).toEqual(['Ada'])
    expect(await cache.getMany(['user:1', 'page:1:a'])).toEqual([ada, undefined])
  })

  it.each(['fast', 'locked'] as const)('is rolled back with the database, in the mode %s', async (mode) => {
    await cache.set('page:1:a', 'old')
    const failing = signUp(mode, () => Promise.reject(new Error('refused')))
    await expect(failing).rejects.toThrow('refused')
    expect(await users.names()).toEqual([])
    expect(await cache.getMany(['user:1', 'page:1:a'])).toEqual([undefined, 'old'])
  })

  it('is rolled back when the database refuses to commit', async () => {
    await users.within((save) => save(ada))
    await expect(signUp('fast', async () => {})).rejects.toThrow(/UNIQUE/)
    expect(await cache.exists('user:1')).toBe(false)
  })

  it('leaves tags unchanged when the database rolls back', async () => {
    const tags = createTags(cache)
    await cache.set('page:1', 'old', { tags: ['user:1'] })
    const failing = transaction(cache, () =>
      users.within(async (save) => {
        await save(ada)
        await tags.delete('user:1')
        expect(await cache.exists('page:1')).toBe(false)
        throw new Error('refused')
      }),
    )
    await expect(failing).rejects.toThrow('refused')
    expect(await cache.get('page:1')).toBe('old')
  })
})
