import { chmodSync, statSync } from 'node:fs'
import type { Clock, Milliseconds } from '@cashews/core'
import Sqlite, { type Database, type Statement } from 'better-sqlite3'
import { type Entry, isAlive, type NewEntry, pick } from './entry.ts'
import { PAGE_BYTES, type Room } from './room.ts'
import { prepareFile } from './schema.ts'

/** How long SQLite itself may wait for a lock. It waits in the event loop: the rest of the waiting is done beside it. */
const SPIN: Milliseconds = 1
/** The same while a file is made. */
const SPIN_AT_OPEN: Milliseconds = 20
/** What a statement adds to the log beside the bytes it was given, about. */
const PAGES_PER_WRITE = 4

const COLUMNS = 'id, kind, stamp, expires_at AS expiresAt, used_at AS usedAt, ref, sum, value'

/** An open file: what is done to its rows, inside a transaction or on its own. Everything here answers at once. */
export class ShardFile {
  readonly path: string
  readonly #db: Database
  readonly #clock: Clock
  readonly #identity: string
  readonly #statements = new Map<string, Statement>()
  readonly #find: Statement<[string], Entry>
  readonly #upsert: Statement<unknown[]>
  readonly #voidLeases: Statement<[string]>
  readonly #begin: Statement
  readonly #commit: Statement
  readonly #rollback: Statement
  /** About how many bytes were added to the log since {@link logBytes} was last set. */
  logBytes = 0

  /** @throws {ForeignFileError} When the file is no file of ours. */
  constructor(path: string, room: Room, clock: Clock) {
    this.path = path
    this.#clock = clock
    this.#db = new Sqlite(path, { timeout: SPIN_AT_OPEN })
    try {
      chmodSync(path, 0o600)
      prepareFile(this.#db, room)
      this.#db.pragma(`busy_timeout = ${SPIN}`)
      this.#identity = identityOf(path) ?? ''
      this.#find = this.#db.prepare(`SELECT ${COLUMNS} FROM entries WHERE key = ?`)
      this.#upsert = this.#db.prepare(
        `INSERT INTO entries (key, kind, stamp, expires_at, used_at, ref, sum, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, stamp = excluded.stamp, expires_at = excluded.expires_at,
         used_at = excluded.used_at, ref = excluded.ref, sum = excluded.sum, value = excluded.value`,
      )
      this.#voidLeases = this.#db.prepare('DELETE FROM leases WHERE key = ?')
      this.#begin = this.#db.prepare('BEGIN IMMEDIATE')
      this.#commit = this.#db.prepare('COMMIT')
      this.#rollback = this.#db.prepare('ROLLBACK')
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  close(): void {
    this.#db.close()
  }

  /** Whether the file and its log are still those that were opened, and under the same names. */
  isInPlace(): boolean {
    return identityOf(this.path) === this.#identity
  }

  /** How many pages the file has, and how many of them are used. */
  pages(): { readonly all: number; readonly used: number } {
    const all = this.#db.pragma('page_count', { simple: true }) as number
    return { all, used: all - (this.#db.pragma('freelist_count', { simple: true }) as number) }
  }

  // Transactions

  begin(): void {
    this.#begin.run()
  }

  commit(): void {
    this.#commit.run()
  }

  /** Undoes what was begun, if SQLite has not done so by itself. */
  rollback(): void {
    if (this.#db.inTransaction) this.#rollback.run()
  }

  /** Does all of it in one step, or nothing. */
  transact<T>(work: (file: this) => T): T {
    this.begin()
    try {
      const answer = work(this)
      this.commit()
      return answer
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  /** Reads all of it as it is at one instant. */
  atOneInstant<T>(work: (file: this) => T): T {
    this.run('BEGIN')
    try {
      return work(this)
    } finally {
      this.rollback()
    }
  }

  // Statements

  get<T>(sql: string, ...values: unknown[]): T | undefined {
    return this.#statement(sql).get(...values) as T | undefined
  }

  all<T>(sql: string, ...values: unknown[]): T[] {
    return this.#statement(sql).all(...values) as T[]
  }

  /** Answers how many rows were changed. */
  run(sql: string, ...values: unknown[]): number {
    return this.#statement(sql).run(...values).changes
  }

  #statement(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  // Entries

  now(): Milliseconds {
    return this.#clock.now()
  }

  /** The entry of a key, unless it has expired. */
  find(key: string): Entry | undefined {
    const entry = this.#find.get(key)
    return entry !== undefined && isAlive(entry, this.now()) ? entry : undefined
  }

  /** Writes an entry, whatever was there. Loads of the key that are under way will not be stored. */
  put(entry: NewEntry): void {
    this.#voidLeases.run(entry.key)
    this.putLeased(entry)
  }

  /** Writes what was loaded: loads of the key that began later may still be stored. */
  putLeased({ key, kind, expiresAt, ref, sum, value }: NewEntry): void {
    this.#upsert.run(key, kind, pick(), expiresAt, this.now(), ref, sum, value)
    this.wrote(value instanceof Uint8Array ? value.length : 0)
  }

  /** Says of an entry what a command changed beside its value. */
  renew(key: string, entry: Entry, expiresAt: Milliseconds | null): void {
    this.#voidLeases.run(key)
    this.run(
      'UPDATE entries SET stamp = ?, expires_at = ?, used_at = ? WHERE id = ?',
      pick(),
      expiresAt,
      this.now(),
      entry.id,
    )
    this.wrote(0)
  }

  /** Removes a key, and answers whether it was there. Loads of it that are under way will not be stored. */
  delete(key: string): boolean {
    this.#voidLeases.run(key)
    const entry = this.#find.get(key)
    if (entry === undefined) return false
    this.drop(entry.id)
    return isAlive(entry, this.now())
  }

  drop(id: number): void {
    this.run('DELETE FROM entries WHERE id = ?', id)
    this.wrote(0)
  }

  /** Notes what a write adds to the log. */
  wrote(bytes: number): void {
    this.logBytes += PAGES_PER_WRITE * PAGE_BYTES + bytes
  }
}

/** Which file stands under a name, and which log beside it; `undefined` when one of them is gone. */
function identityOf(path: string): string | undefined {
  const file = statSync(path, { throwIfNoEntry: false })
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
  return file && log && `${file.dev}:${file.ino}:${log.ino}`
}
