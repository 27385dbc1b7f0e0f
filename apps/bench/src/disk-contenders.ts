import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { disk } from '@cashews/backend-disk'
import { type Cache, createCache } from '@cashews/core'
import { KeyvSqlite } from '@keyv/sqlite'
import { BentoCache, bentostore } from 'bentocache'
import { kyselyDriver } from 'bentocache/drivers/kysely'
import Sqlite, { type Database } from 'better-sqlite3'
import { Keyv } from 'keyv'
import { Kysely, SqliteDialect } from 'kysely'
import { HOUR } from './contenders.ts'
import type { User } from './users.ts'

const parent = mkdtempSync(join(tmpdir(), 'cashews-bench-'))
process.once('exit', () => rmSync(parent, { recursive: true, force: true }))

/** Creates a directory that is removed when the process ends. */
export function freshDirectory(): string {
  return mkdtempSync(join(parent, 'cashews-'))
}

/** Our cache on disk. */
export async function cashewsOnDisk(): Promise<Cache> {
  const store = disk({ directory: freshDirectory() })
  const cache = createCache().setup(store, { suppress: false, readTimeout: '1m', writeTimeout: '1m' })
  await cache.init()
  return cache
}

/** A cache written by hand on better-sqlite3, with prepared statements. */
export function preparedSqlite() {
  const db = database('prepared')
  db.exec('CREATE TABLE cache (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER)')
  const select = db.prepare<[string], { value: string; expires_at: number }>(
    'SELECT value, expires_at FROM cache WHERE key = ?',
  )
  const upsert = db.prepare(
    `INSERT INTO cache VALUES (?, ?, ?)
     ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
  )
  return {
    get(key: string): User | undefined {
      const row = select.get(key)
      return row !== undefined && row.expires_at > Date.now() ? JSON.parse(row.value) : undefined
    },
    set: (key: string, value: User) => upsert.run(key, JSON.stringify(value), Date.now() + HOUR),
  }
}

/** Bentocache on Kysely, on better-sqlite3. */
export function bentoOnSqlite() {
  const connection = new Kysely({ dialect: new SqliteDialect({ database: database('bento') }) })
  const store = bentostore().useL2Layer(kyselyDriver({ connection: connection as never, pruneInterval: false }))
  return new BentoCache({ default: 'disk', ttl: '1h', stores: { disk: store } })
}

/** Keyv with its SQLite store on better-sqlite3, with its defaults: without a write-ahead log. */
export function keyvOnSqlite(): Keyv {
  const uri = `sqlite://${join(parent, 'keyv.db')}`
  return new Keyv({ store: new KeyvSqlite({ uri, driver: 'better-sqlite3' }), ttl: HOUR })
}

/** A database with a write-ahead log that waits for the disk only at checkpoints. */
function database(name: string): Database {
  const db = new Sqlite(join(parent, `${name}.db`))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  return db
}
