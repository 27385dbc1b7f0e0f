import { lstatSync, statSync } from 'node:fs'
import { type Awaitable, BackendUnavailableError, isPending, type Milliseconds } from '@cashews/core'
import type { Checkpointer } from './checkpointer.ts'
import { checkAccess, prepareDirectory, ShardNames } from './directory.ts'
import { asBackendError, isBusy, isDamage, isFull, isMoved, NoRoomError } from './errors.ts'
import { insist, type Obstacle } from './insist.ts'
import { Log } from './log.ts'
import { Occupancy, type OccupancyOwner, type Opened } from './occupancy.ts'
import type { Pace } from './pace.ts'
import { divide, type Room } from './room.ts'
import { ForeignFileError } from './schema.ts'
import type { DiskSettings } from './settings.ts'
import { ShardFile } from './shard-file.ts'
import type { UnderWay } from './under-way.ts'

/** Is told what a shard does, and what fails, outside of any command. */
export interface ShardOwner extends OccupancyOwner {
  error(error: unknown): void
}

/** What the shards of a store share. */
export interface Shared {
  readonly checkpointer: Checkpointer
  readonly pace: Pace
  readonly underWay: UnderWay
  readonly owner: ShardOwner
}

/** How long to retry in a loop while another process writes: about as long as a few of its writes take. */
const SPIN: Milliseconds = 0.3
/** The longest pause between two looks whether a lock is gone. */
const LONGEST_PAUSE: Milliseconds = 16
/** How often a command may find the file damaged or full before it fails. */
const MOST_REPAIRS = 4
/** How often refused writes are reported at most. */
const REPORT_INTERVAL: Milliseconds = 10_000

type Work<T> = (file: ShardFile) => T

/**
 * One file of the cache: opens it, writes alongside other processes, replaces it when it breaks, and bounds its size.
 */
export class Shard implements Obstacle {
  readonly room: Room
  /** How long after its call a write may still be attempted. @default Infinity */
  patience: Milliseconds = Number.POSITIVE_INFINITY
  /** Whether the store was closed: commands under way then fail instead of opening the file again. */
  isClosed = false
  readonly #settings: DiskSettings
  readonly #names: ShardNames
  readonly #checkpointer: Checkpointer
  readonly #occupancy: Occupancy
  readonly #pace: Pace
  readonly #underWay: UnderWay
  readonly #owner: ShardOwner
  #opened: Opened | undefined
  /** Resolves when the lock of another process is released. */
  #unlocking: Promise<void> | undefined
  #reportAfter = 0

  constructor(shard: number, settings: DiskSettings, { checkpointer, pace, underWay, owner }: Shared) {
    this.room = divide(settings.sizeLimit / settings.shards)
    this.#settings = settings
    this.#names = new ShardNames(settings.directory, shard, settings.shards)
    this.#checkpointer = checkpointer
    this.#occupancy = new Occupancy(this.room, checkpointer, owner)
    this.#pace = pace
    this.#underWay = underWay
    this.#owner = owner
  }

  /** Opens the file. */
  open(): Awaitable<void> {
    return this.read(() => {})
  }

  close(): void {
    this.isClosed = true
    void this.#release()
  }

  /** Reads: synchronously, unless the file has to be repaired first, or others keep it from being opened. */
  read<T>(work: Work<T>): Awaitable<T> {
    if (this.#unlocking && !this.#opened) return this.#insistOnReading(work)
    try {
      return work(this.file)
    } catch (error) {
      return this.#insistOnReading(work, error)
    }
  }

  #insistOnReading<T>(work: Work<T>, error?: unknown): Promise<T> {
    return this.#insist(() => work(this.file), error, Number.POSITIVE_INFINITY)
  }

  /**
   * Runs work in a transaction: synchronously, unless another process is writing or the log has to be copied.
   *
   * @param since When the command was called, by `performance.now()`. @default now
   */
  write<T>(work: Work<T>, since?: Milliseconds): Awaitable<T> {
    return this.#change(() => this.#transact(work), since)
  }

  #transact<T>(work: Work<T>): T {
    const answer = this.file.transact(work)
    this.#wrote()
    return answer
  }

  #wrote(): void {
    this.#occupancy.wrote(this.#opened as Opened)
  }

  /** The same for a single statement that only writes, which needs no transaction of its own. */
  writeOnce<T>(work: Work<T>, since?: Milliseconds): Awaitable<T> {
    return this.#change(() => {
      const answer = work(this.file)
      this.#wrote()
      return answer
    }, since)
  }

  /**
   * The same for work that only removes. It must be done, however full the disk is and however late, or an outdated
   * value would be read again. When there is no room even for that, the whole file is given up.
   */
  remove<T>(work: Work<T>): Awaitable<T> {
    const removed = this.#change(() => this.#transact(work), Number.POSITIVE_INFINITY)
    return isPending(removed) ? this.#underWay.note(removed.catch((error) => this.#removeAnyway(work, error))) : removed
  }

  async #removeAnyway<T>(work: Work<T>, error: unknown): Promise<T> {
    if (!(error instanceof NoRoomError)) throw error
    for (;;) {
      try {
        return this.file.transact(work)
      } catch (failure) {
        if (isBusy(failure)) await this.#unlocked()
        else if (isFull(failure)) break
        else throw asBackendError(failure, this.#place)
      }
    }
    await this.#discard(error)
    return this.#change(() => this.#transact(work), Number.POSITIVE_INFINITY)
  }

  /**
   * Makes sure that the open file is the one other processes use, before a commit whose outcome must be certain.
   */
  settle(): void {
    const file = this.fileAtHand
    if (file && !file.isInPlace()) this.#moved(file)
  }

  /** Begins a transaction that may span several shards. */
  begin(): ShardFile {
    const { file } = this
    file.begin()
    return file
  }

  /** Commits what {@link begin} has begun. */
  commit(file: ShardFile): void {
    file.commit()
    this.#wrote()
  }

  /** Whether writers have to wait, so that trying is pointless. */
  get isHindered(): boolean {
    return this.#unlocking !== undefined || this.#opened?.log.isTooLong === true
  }

  get timeout(): Milliseconds {
    return this.#settings.timeout
  }

  /** The file; opened if it is not. */
  get file(): ShardFile {
    return (this.#opened ?? this.#open()).file
  }

  /** The file, if it is open. */
  get fileAtHand(): ShardFile | undefined {
    return this.#opened?.file
  }

  /** Records that a key was read, once the file is full enough for eviction to be near. */
  used(key: string): void {
    this.#occupancy.used(key)
  }

  /** Does one slice of the regular upkeep, if the file is open. Returns whether there is more to do. */
  tidy(): boolean {
    const opened = this.#opened
    if (opened === undefined) return false
    const { file } = opened
    try {
      if (file.isInPlace() && this.#names.current() === file.path) return this.#occupancy.tidy(opened)
      this.#moved(file)
      this.#open()
      return true
    } catch (error) {
      this.#cannotTidy(error)
      return false
    }
  }

  /** Handles what fails during upkeep, where no caller can be told. */
  #cannotTidy(error: unknown): void {
    if (isBusy(error) || isFull(error)) return // The next write deals with it.
    try {
      if (!isDamage(error)) throw error
      this.replace(error)
    } catch (failure) {
      this.#report(asBackendError(failure, this.#settings.directory))
    }
  }

  /** Opens the file in use, or creates it. */
  #open(): Opened {
    if (this.isClosed) throw this.#undone('was closed')
    const { directory, isDefault, synchronous, clock } = this.#settings
    prepareDirectory(directory, isDefault)
    const path = this.#names.current()
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new ForeignFileError('it is not a file')
    checkAccess(path)
    const file = new ShardFile(path, { room: this.room, synchronous, clock })
    if (this.#names.current() !== path) {
      // Other processes have put it aside, or started its successor, while it was being opened.
      file.close()
      this.#names.remove(path)
      return this.#open()
    }
    const log = new Log(file, this.room, this.#checkpointer, (error) => this.refused(error))
    this.#opened = { file, log }
    return this.#opened
  }

  /** For messages. */
  get #place(): string {
    return this.#opened?.file.path ?? this.#settings.directory
  }

  #release(): Promise<void> | undefined {
    const { log } = this.#opened ?? {}
    this.#opened = undefined
    this.#occupancy.clear()
    return log?.close()
  }

  // Other processes

  /** @param since When {@link patience} starts; `Infinity`: it never ends. */
  #change<T>(attempt: () => T, since?: Milliseconds): Awaitable<T> {
    if (since !== undefined && this.isLate(since)) throw this.lateError()
    if (this.isHindered) return this.#insist(attempt, undefined, since)
    try {
      return attempt()
    } catch (error) {
      return isBusy(error) ? this.#again(attempt, since) : this.#insist(attempt, error, since)
    }
  }

  /** Whether a caller that began to wait at `since` has been told by now that its write failed. */
  isLate(since: Milliseconds): boolean {
    return performance.now() >= since + this.patience
  }

  /** Other processes write for a moment only, so that it pays to retry at once for a while. */
  #again<T>(attempt: () => T, since?: Milliseconds): Awaitable<T> {
    const end = performance.now() + SPIN
    for (;;) {
      try {
        return attempt()
      } catch (error) {
        if (!isBusy(error) || performance.now() >= end) return this.#insist(attempt, error, since)
      }
    }
  }

  #insist<T>(attempt: () => T, error?: unknown, since = performance.now()): Promise<T> {
    return insist([this], attempt, () => this, this.#pace, error, since + this.patience)
  }

  async ready(): Promise<void> {
    while (this.#unlocking) await this.#unlocking
    if (this.#opened?.log.isTooLong) await this.#opened.log.shorten()
  }

  async overcome(error: unknown, repairs: number, deadline: Milliseconds): Promise<void> {
    const path = this.#place
    if (isBusy(error)) {
      if (performance.now() >= deadline) throw this.lockedError()
      await this.#unlocked()
    } else if (repairs >= MOST_REPAIRS) throw asBackendError(error, path)
    else if (isDamage(error)) this.replace(error)
    else if (isMoved(error)) void this.#release()
    else if (isFull(error) && this.#opened) await this.#occupancy.makeRoom(this.#opened, error, () => this.#unlocked())
    else throw asBackendError(error, path)
  }

  /** Resolves when no other connection writes. All waiting writes share one probe. */
  #unlocked(): Promise<void> {
    this.#unlocking ??= this.#probe().finally(() => {
      this.#unlocking = undefined
    })
    return this.#unlocking
  }

  async #probe(): Promise<void> {
    const deadline = performance.now() + this.#settings.timeout
    for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)))
      try {
        this.file.transact(() => {})
        return
      } catch (error) {
        if (!isBusy(error)) return // The waiting writes will run into it themselves.
        if (performance.now() >= deadline) throw this.lockedError()
      }
    }
  }

  lockedError(): BackendUnavailableError {
    return this.#undone(`has been locked by another process for ${this.#settings.timeout} ms`)
  }

  lateError(): BackendUnavailableError {
    return this.#undone('could not be written to in time')
  }

  #undone(why: string): BackendUnavailableError {
    return new BackendUnavailableError(`The disk cache at ${this.#place} ${why}.`, { isUndone: true })
  }

  // Damage

  /**
   * Puts a damaged file aside. The next command creates a new one.
   *
   * @throws {BackendUnavailableError} When it cannot be renamed.
   */
  replace(error: unknown): void {
    const path = this.#opened?.file.path ?? this.#names.current()
    try {
      void this.#release()
    } catch {
      // A file that is put aside need not be closed cleanly.
    }
    const aside = this.#names.putAside(path)
    const where = aside === undefined ? 'it was replaced by another process' : `it is kept as ${aside}`
    this.#report(asBackendError(new Error(`${(error as Error).message}; ${where}, and a new one was started`), path))
  }

  /** Removes the file. Its disk space is freed when the last connection has closed it. */
  async #discard({ cause }: NoRoomError): Promise<void> {
    const path = this.#opened?.file.path ?? this.#names.current()
    const released = this.#release()
    this.#names.remove(path)
    await released
    this.#report(
      asBackendError(
        new Error(`${(cause as Error | undefined)?.message ?? 'it is full'}; the file was given up to remove a key`),
        path,
      ),
    )
  }

  /**
   * Lets go of a file that was removed, that other processes have replaced, or whose log was removed or replaced:
   * without its log it is not to be trusted.
   */
  #moved({ path }: ShardFile): void {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      void this.#release()
      this.#report(asBackendError(new Error('it was removed; a new one was started'), path))
    } else if (this.#names.current() === path) this.replace(new Error('its write-ahead log was removed or replaced'))
    else {
      void this.#release()
      this.#names.remove(path)
      this.#report(asBackendError(new Error('other processes use a newer one; it was removed'), path))
    }
  }

  #report(error: Error): void {
    this.#owner.error(error)
  }

  /** Reports a refused write, at most once per {@link REPORT_INTERVAL}. */
  refused(error: unknown): void {
    if (performance.now() < this.#reportAfter) return
    this.#reportAfter = performance.now() + REPORT_INTERVAL
    this.#report(error as Error)
  }
}
