import type { Database } from 'better-sqlite3'
import type { DiskSettings } from '../settings.ts'
import { PAGE_BYTES, type Room } from '../upkeep/room.ts'

/** What a connection needs to know about its file. */
export interface FileSettings extends Pick<DiskSettings, 'synchronous' | 'clock'> {
  readonly room: Room
}

/** Marks the files of this package. */
const APPLICATION_ID = 0x63736877
/** The version of the layout of the tables and the meaning of their content. */
export const FORMAT = 3

/**
 * `entries` has a row for each key, `parts` what is too large for a row (large values, bits), and `members` the members
 * of sets; both belong to the `ref` of an entry. A `ref` that no entry has any more is listed in `garbage`, to be
 * removed after the given time, a little at a time. `leases` are loads under way: every write of their key ends them.
 * `locks` are kept in the shard of their key.
 *
 * `due` is when to check whether an entry has expired, and never later than its end. A write that only postpones the
 * end leaves it alone: updating its index would be half the cost of such a write.
 */
const SCHEMA = `
CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  kind INTEGER NOT NULL,
  stamp INTEGER NOT NULL,
  expires_at INTEGER,
  due INTEGER,
  used_at INTEGER NOT NULL,
  ref INTEGER,
  sum INTEGER NOT NULL,
  value
);
CREATE UNIQUE INDEX entries_by_key ON entries (key);
CREATE INDEX entries_by_due ON entries (due) WHERE due IS NOT NULL;
CREATE TRIGGER entry_ends_sooner AFTER UPDATE OF expires_at ON entries
WHEN new.expires_at IS NOT NULL AND (new.due IS NULL OR new.expires_at < new.due)
BEGIN UPDATE entries SET due = new.expires_at WHERE id = new.id; END;

CREATE TABLE parts (ref INTEGER NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE UNIQUE INDEX parts_by_ref ON parts (ref, part);
CREATE TABLE members (ref INTEGER NOT NULL, member TEXT NOT NULL, PRIMARY KEY (ref, member)) WITHOUT ROWID;

CREATE TABLE garbage (ref INTEGER PRIMARY KEY, after INTEGER NOT NULL);
CREATE TRIGGER entry_deleted AFTER DELETE ON entries WHEN old.ref IS NOT NULL
BEGIN INSERT OR REPLACE INTO garbage VALUES (old.ref, 0); END;
CREATE TRIGGER entry_replaced AFTER UPDATE OF ref ON entries WHEN old.ref IS NOT NULL AND old.ref IS NOT new.ref
BEGIN INSERT OR REPLACE INTO garbage VALUES (old.ref, 0); END;

CREATE TABLE leases (id INTEGER PRIMARY KEY, key TEXT NOT NULL, token INTEGER NOT NULL, taken_at INTEGER NOT NULL);
CREATE INDEX leases_by_key ON leases (key);
CREATE TRIGGER entry_written AFTER INSERT ON entries
BEGIN DELETE FROM leases WHERE key = new.key; END;
CREATE TRIGGER entry_changed AFTER UPDATE OF stamp ON entries
BEGIN DELETE FROM leases WHERE key = new.key; END;

CREATE TABLE locks (
  key TEXT PRIMARY KEY,
  token TEXT NOT NULL,
  taken_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;

PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${FORMAT};`

/** A file that is not one of ours, or has another format version than its name says. */
export class ForeignFileError extends Error {}

/**
 * Configures a connection, and creates the tables of a new file.
 *
 * @throws {ForeignFileError} When the file is not one of ours.
 */
export function prepareFile(db: Database, { room, synchronous }: FileSettings): void {
  db.exec(`
    PRAGMA synchronous = ${synchronous};
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -8000;
    PRAGMA temp_store = MEMORY;`)
  if (isEmpty(db)) create(db)
  check(db)
  db.exec(`
    PRAGMA journal_size_limit = ${room.logBytes};
    PRAGMA max_page_count = ${room.pages};`)
}

function isEmpty(db: Database): boolean {
  return number(db, 'schema_version') === 0 && number(db, 'application_id') === 0
}

function create(db: Database): void {
  db.pragma(`page_size = ${PAGE_BYTES}`)
  db.pragma('journal_mode = WAL')
  db.transaction(() => {
    if (isEmpty(db)) db.exec(SCHEMA)
  }).immediate()
}

function check(db: Database): void {
  const [id, format] = [number(db, 'application_id'), number(db, 'user_version')]
  if (id !== APPLICATION_ID) throw new ForeignFileError('it is not a file of @cashews/backend-disk')
  if (format !== FORMAT) throw new ForeignFileError(`it is of format ${format}, and this version reads ${FORMAT}`)
  if (db.pragma('journal_mode', { simple: true }) !== 'wal') db.pragma('journal_mode = WAL')
}

function number(db: Database, pragma: string): number {
  return db.pragma(pragma, { simple: true }) as number
}
