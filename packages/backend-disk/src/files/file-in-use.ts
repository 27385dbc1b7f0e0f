import { lstatSync } from 'node:fs'
import { asBackendError, type NoRoomError, undoneError } from '../errors.ts'
import type { DiskSettings } from '../settings.ts'
import type { Room } from '../upkeep/room.ts'
import type { Checkpointer } from './checkpointer.ts'
import { checkAccess, prepareDirectory, type ShardNames } from './directory.ts'
import { Log } from './log.ts'
import { ForeignFileError } from './schema.ts'
import { ShardFile } from './shard-file.ts'

/** An open file and its log. */
export interface Opened {
  readonly file: ShardFile
  readonly log: Log
}

/** Is told what becomes of a file. */
export interface FileOwner {
  /** A file was replaced, or given up, and why. */
  report(error: Error): void
  /** The log cannot be copied. */
  refused(error: Error): void
  /** The open file was released. */
  released(): void
}

/**
 * The file that a shard uses now, among all the processes that share it: opens or creates it, notices that it was moved,
 * and puts it aside when it is damaged.
 */
export class FileInUse {
  /** Whether the store was closed: commands under way then fail instead of opening the file again. */
  isClosed = false
  readonly #settings: DiskSettings
  readonly #names: ShardNames
  readonly #room: Room
  readonly #checkpointer: Checkpointer
  readonly #owner: FileOwner
  #opened: Opened | undefined

  constructor(settings: DiskSettings, names: ShardNames, room: Room, checkpointer: Checkpointer, owner: FileOwner) {
    this.#settings = settings
    this.#names = names
    this.#room = room
    this.#checkpointer = checkpointer
    this.#owner = owner
  }

  /** The file and its log, if it is open. */
  get opened(): Opened | undefined {
    return this.#opened
  }

  /** The file; opened if it is not. */
  get file(): ShardFile {
    return (this.#opened ?? this.open()).file
  }

  /** For messages. */
  get place(): string {
    return this.#opened?.file.path ?? this.#settings.directory
  }

  /** Opens the file in use, or creates it. */
  open(): Opened {
    if (this.isClosed) throw undoneError(this.place, 'was closed')
    const { directory, isDefault, synchronous, clock } = this.#settings
    prepareDirectory(directory, isDefault)
    const path = this.#names.current()
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new ForeignFileError('it is not a file')
    checkAccess(path)
    const file = new ShardFile(path, { room: this.#room, synchronous, clock })
    if (this.#names.current() !== path) {
      // Other processes have put it aside, or started its successor, while it was being opened.
      file.close()
      this.#names.remove(path)
      return this.open()
    }
    const log = new Log(file, this.#room, this.#checkpointer, (error) => this.#owner.refused(error))
    this.#opened = { file, log }
    return this.#opened
  }

  /** Closes the file, if it is open. The next command opens whichever is in use then. */
  release(): Promise<void> | undefined {
    const { log } = this.#opened ?? {}
    this.#opened = undefined
    this.#owner.released()
    return log?.close()
  }

  /** Whether an open file is the one that all processes use. */
  isCurrent(file: ShardFile): boolean {
    return file.isInPlace() && this.#names.current() === file.path
  }

  /**
   * Lets go of a file that was removed, that other processes have replaced, or whose log was removed or replaced:
   * without its log it is not to be trusted.
   */
  moved(file: ShardFile): void {
    const { path } = file
    if (file.isGone()) {
      void this.release()
      this.#report(path, 'it was removed; a new one was started')
    } else if (this.#names.current() === path) this.replace(new Error('its write-ahead log was removed or replaced'))
    else {
      void this.release()
      this.#names.remove(path)
      this.#report(path, 'other processes use a newer one; it was removed')
    }
  }

  /**
   * Puts a damaged file aside. The next command creates a new one.
   *
   * @throws {BackendUnavailableError} When it cannot be renamed.
   */
  replace(error: unknown): void {
    const path = this.#path()
    void this.release()
    const aside = this.#names.putAside(path)
    const where = aside === undefined ? 'it was replaced by another process' : `it is kept as ${aside}`
    this.#report(path, `${(error as Error).message}; ${where}, and a new one was started`)
  }

  /** Removes the file. Its disk space is freed when the last connection has closed it. */
  async discard({ cause }: NoRoomError): Promise<void> {
    const path = this.#path()
    const released = this.release()
    this.#names.remove(path)
    await released
    this.#report(
      path,
      `${(cause as Error | undefined)?.message ?? 'it is full'}; the file was given up to remove a key`,
    )
  }

  #path(): string {
    return this.#opened?.file.path ?? this.#names.current()
  }

  #report(path: string, what: string): void {
    this.#owner.report(asBackendError(new Error(what), path))
  }
}
