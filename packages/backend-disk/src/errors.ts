import { BackendError, BackendUnavailableError, CashewsError } from '@cashews/core'
import { ForeignFileError } from './files/schema.ts'

/** There is no room for what was to be written, and none could be made. */
export class NoRoomError extends BackendError {}

/** A value whose bytes are not the ones that were written. */
export class DamagedValueError extends Error {}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '')

/** Whether another connection holds the lock, so that it is worth trying again. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED|PROTOCOL)/.test(codeOf(error))
}

/** Whether the file, the disk or a quota is full; SQLite reports the latter like any failed write. */
export function isFull(error: unknown): boolean {
  return /^(?:SQLITE_FULL|SQLITE_IOERR_(?:WRITE|SHMSIZE)|ENOSPC|EDQUOT)/.test(codeOf(error))
}

/** Whether the content of the file cannot be trusted. */
export function isDamage(error: unknown): boolean {
  return (
    error instanceof ForeignFileError ||
    error instanceof DamagedValueError ||
    /^SQLITE_(?:CORRUPT|NOTADB|IOERR_SHORT_READ|FORMAT)/.test(codeOf(error)) ||
    (codeOf(error) === 'SQLITE_ERROR' && /no such (?:table|column|index)/.test(String(error)))
  )
}

/** Whether the file is no longer at the path it was opened at. */
export function isMoved(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_READONLY_DBMOVED'
}

/** Turns an error of SQLite or the file system into one that the contract of backends names. */
export function asBackendError(error: unknown, path: string): Error {
  if (error instanceof CashewsError) return error
  if (error instanceof TypeError || error instanceof RangeError) return error // a defect
  const message = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  const text = `The disk cache at ${path}: ${message}${code === '' ? '' : ` (${code})`}.`
  return isFull(error) ? new NoRoomError(text, { cause: error }) : new BackendUnavailableError(text, { cause: error })
}

/** What to throw when a command had no effect, and never will. */
export function undoneError(place: string, why: string): BackendUnavailableError {
  return new BackendUnavailableError(`The disk cache at ${place} ${why}.`, { isUndone: true })
}
