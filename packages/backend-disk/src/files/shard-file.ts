import { chmodSync, statSync } from 'node:fs'
import type { Clock, Milliseconds } from '@cashews/core'
import Sqlite, { type Database, type Statement } from 'better-sqlite3'
import { PAGE_BYTES } from '../upkeep/room.ts'
import {
  COLUMNS,
  type Entry,
  endOf,
  entryOf,
  isAlive,
  markedSum,
  type NewEntry,
  PEEKED,
  type Peek,
  type PeekAt,
  pick,
  type Row,
} from '../values/entry.ts'
import { type FileSettings, prepareFile } from './schema.ts'

/**
 * How long SQLite itself may wait for a lock while a file is opened that others may be creating: that spares processes
 * that begin at once most of their retries. It blocks the event loop, so that it never waits otherwise.
 */
const WAIT_FOR_CREATION: Milliseconds = 1
/** About how many pages a statement adds to the log beside the bytes it is given. */
const PAGES_PER_WRITE = 3

/** An open file: transactions and statements, all of them synchronous. */
export class ShardFile {
  readonly path: string
  readonly #db: Database
  readonly #clock: Clock
  readonly #identity: Identity
  readonly #statements = new Map<string, Statement>()
  readonly #find: Statement<[string], Row>
  readonly #peek: Statement<[string], Peek>
  readonly #upsert: Statement<unknown[]>
  readonly #drop: Statement<[number]>
  readonly #voidLeases: Statement<[string]>
  readonly #begin: Statement
  readonly #peekMany: Statement<[string], PeekAt>
  readonly #commit: Statement
  readonly #rollback: Statement
  /** The estimated length of the log in bytes. */
  logBytes = 0

  /** @throws {ForeignFileError} When the file is not one of ours. */
  constructor(path: string, settings: FileSettings) {
    this.path = path
    this.#clock = settings.clock
    const size = statSync(path, { throwIfNoEntry: false })?.size
    this.#db = connect(path, (size ?? 0) <= PAGE_BYTES ? WAIT_FOR_CREATION : 0)
    try {
      if (size === undefined) chmodSync(path, 0o600)
      prepareFile(this.#db, settings)
      this.#db.pragma('busy_timeout = 0')
      this.#identity = identityOf(path)
      this.#find = this.#db.prepare<[string], Row>(`SELECT ${COLUMNS} FROM entries WHERE key = ?`).raw()
      this.#peek = this.#db.prepare<[string], Peek>(`SELECT ${PEEKED} FROM entries WHERE key = ?`).raw()
      this.#peekMany = this.#db
        .prepare<[string], PeekAt>(
          `SELECT ${PEEKED}, place FROM (SELECT value AS wanted, key AS place FROM json_each(?)) CROSS JOIN entries ON key = wanted`,
        )
        .raw()
      this.#upsert = this.#db.prepare(
        `INSERT INTO entries (key, kind, stamp, expires_at, due, used_at, ref, sum, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, stamp = excluded.stamp, expires_at = excluded.expires_at,
         used_at = excluded.used_at, ref = excluded.ref, sum = excluded.sum, value = excluded.value`,
      )
      this.#drop = this.#db.prepare('DELETE FROM entries WHERE id = ?')
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

  get isOpen(): boolean {
    return this.#db.open
  }

  /** Whether the path still names the file and the log that were opened. */
  isInPlace(): boolean {
    const { file, log } = identityOf(this.path)
    return file === this.#identity.file && log === this.#identity.log
  }

  /** Whether the file is gone from the path. Other processes may have begun a new one there, with a log of its own. */
  isGone(): boolean {
    const { file, log } = identityOf(this.path)
    return file === undefined || (file !== this.#identity.file && log !== this.#identity.log)
  }

  /** How many pages the file has, and how many of them are used. */
  pages(): { readonly all: number; readonly used: number } {
    const sql = 'SELECT page_count AS pages, freelist_count AS free FROM pragma_page_count, pragma_freelist_count'
    const { pages, free } = this.get(sql) as { pages: number; free: number }
    return { all: pages, used: pages - free }
  }

  /** The size of the file in bytes, without its log. */
  bytes(): number {
    return this.pages().all * PAGE_BYTES
  }

  // Transactions

  begin(): void {
    this.#begin.run()
  }

  commit(): void {
    this.#commit.run()
  }

  /** Rolls back, unless SQLite has already done so. */
  rollback(): void {
    if (this.#db.inTransaction) this.#rollback.run()
  }

  /** Runs work in a transaction. */
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

  // Statements

  get<T>(sql: string, ...values: unknown[]): T | undefined {
    return this.#statement(sql).get(...values) as T | undefined
  }

  all<T>(sql: string, ...values: unknown[]): T[] {
    return this.#statement(sql).all(...values) as T[]
  }

  /** Returns how many rows were changed. */
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
  find(key: string, now: Milliseconds = this.now()): Entry | undefined {
    const row = this.#find.get(key)
    if (row === undefined) return undefined
    const entry = entryOf(row)
    return isAlive(entry, now) ? entry : undefined
  }

  /** What it takes to read a small value, expired or not. */
  peek(key: string): Peek | undefined {
    return this.#peek.get(key)
  }

  /**
   * The same for many well-formed keys in one statement, which takes one lock; each row has the place of its key among
   * them.
   */
  peekMany(keys: readonly string[]): PeekAt[] {
    return this.#peekMany.all(JSON.stringify(keys))
  }

  /** Writes an entry over whatever was there, in one statement. Voids the leases of the key. */
  put({ key, kind, expiresAt, ref, sum, value }: NewEntry): void {
    this.#upsert.run(key, kind, pick(), expiresAt, expiresAt, this.now(), ref, markedSum(kind, sum), value)
    this.wrote(typeof value === 'number' || value === null ? 0 : value.length)
  }

  /** Gives an entry a new stamp and expiry, without touching its value. */
  renew(entry: Entry, expiresAt: Milliseconds | null): void {
    this.run(
      'UPDATE entries SET stamp = ?, expires_at = ?, used_at = ? WHERE id = ?',
      pick(),
      expiresAt,
      this.now(),
      entry.id,
    )
    this.wrote(0)
  }

  /** Sets when a key expires. Returns whether it was there. */
  expire(key: string, lifetime: Milliseconds): boolean {
    const entry = this.find(key)
    if (entry === undefined) return false
    this.renew(entry, endOf(lifetime, this.now()))
    return true
  }

  /** Removes a key and voids its leases. Returns whether it was there. */
  delete(key: string): boolean {
    return this.take(key) !== undefined
  }

  /** The same, but returns what was there. */
  take(key: string): Entry | undefined {
    this.#voidLeases.run(key)
    const row = this.#find.get(key)
    if (row === undefined) return undefined
    const entry = entryOf(row)
    this.drop(entry.id)
    return isAlive(entry, this.now()) ? entry : undefined
  }

  drop(id: number): void {
    this.#drop.run(id)
    this.wrote(0)
  }

  /** Estimates what a write adds to the log. */
  wrote(bytes: number): void {
    this.logBytes += PAGES_PER_WRITE * PAGE_BYTES + bytes
  }
}

/** Gives the driver's own error for a missing directory the code that SQLite has for it. */
function connect(path: string, timeout: Milliseconds): Database {
  try {
    return new Sqlite(path, { timeout })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw Object.assign(new Error(error.message), { code: 'SQLITE_CANTOPEN' })
  }
}

/** What a file and its log are recognized by; `undefined` for one that is not there. */
interface Identity {
  readonly file: string | undefined
  readonly log: string | undefined
}

function identityOf(path: string): Identity {
  const of = (name: string) => {
    const found = statSync(name, { throwIfNoEntry: false })
    return found && `${found.dev}:${found.ino}`
  }
  return { file: of(path), log: of(`${path}-wal`) }
}
