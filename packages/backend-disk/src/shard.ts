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

/** Whom a shard tells what happens by itself. */
export interface ShardOwner extends OccupancyOwner {
  error(error: unknown): void
}

/** What the shards of a store have in common. */
export interface Shared {
  readonly checkpointer: Checkpointer
  readonly pace: Pace
  readonly underWay: UnderWay
  readonly owner: ShardOwner
}

/** How long to try again at once when another process writes: about as long as a few of its writes take. */
const SPIN: Milliseconds = 0.3
const LONGEST_PAUSE: Milliseconds = 16
/** How often a command may find the file damaged or full before it gives up. */
const MOST_REPAIRS = 4
const REPORT_INTERVAL: Milliseconds = 10_000

type Work<T> = (file: ShardFile) => T

/** One file of the cache: opened, written to in spite of other processes, mended when it breaks, kept within its bounds. */
export class Shard implements Obstacle {
  readonly room: Room
  /** How long a write may take, from its call to its last attempt. @default Infinity */
  patience: Milliseconds = Number.POSITIVE_INFINITY
  /** Whether the store was closed: then what is still under way fails, and does not open the file again. */
  isClosed = false
  readonly #settings: DiskSettings
  readonly #names: ShardNames
  readonly #checkpointer: Checkpointer
  readonly #occupancy: Occupancy
  readonly #pace: Pace
  readonly #underWay: UnderWay
  readonly #owner: ShardOwner
  #opened: Opened | undefined
  /** Resolves when the lock of another process is gone. */
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

  /** Reads. At once, unless the file has to be mended first. */
  read<T>(work: Work<T>): Awaitable<T> {
    try {
      return work(this.file)
    } catch (error) {
      return this.#insist(() => work(this.file), error, Number.POSITIVE_INFINITY)
    }
  }

  /**
   * Does what reads and writes in one step. At once, unless another process is writing or the log has to be copied.
   *
   * @param since When it was called for. @default now
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

  /** The same for work that writes by one statement, and reads nothing: it is a step by itself. */
  writeOnce<T>(work: Work<T>, since?: Milliseconds): Awaitable<T> {
    return this.#change(() => {
      const answer = work(this.file)
      this.#wrote()
      return answer
    }, since)
  }

  /**
   * The same for work that only removes: it must be done, however full the disk is and however late, or a value that is out
   * of date would be read again. When there is no room even for that, the file goes, with all it holds.
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

  /** Makes sure that the file in use is the one that others find, before a step that its caller is to know the end of. */
  settle(): void {
    const file = this.fileAtHand
    if (file && !file.isInPlace()) this.#moved(file)
  }

  /** Begins, and ends, what may span several shards. */
  begin(): ShardFile {
    const { file } = this
    file.begin()
    return file
  }

  commit(file: ShardFile): void {
    file.commit()
    this.#wrote()
  }

  /** Whether a writer has to wait, without trying. */
  get isHindered(): boolean {
    return this.#unlocking !== undefined || this.#opened?.log.isTooLong === true
  }

  get timeout(): Milliseconds {
    return this.#settings.timeout
  }

  /** The file, which is opened if need be. */
  get file(): ShardFile {
    return (this.#opened ?? this.#open()).file
  }

  /** The file, if it is open and whole as far as is known. */
  get fileAtHand(): ShardFile | undefined {
    return this.#opened?.file
  }

  /** Notes that a key was read, if that will ever matter. */
  used(key: string): void {
    this.#occupancy.used(key)
  }

  /** Does a little of what has to be done now and then, to a file that was used. Answers whether there is more. */
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

  /** Nobody waits for the upkeep: what fails there is reported, unless the next command does as well. */
  #cannotTidy(error: unknown): void {
    if (isBusy(error) || isFull(error)) return
    try {
      if (!isDamage(error)) throw error
      this.replace(error)
    } catch (failure) {
      this.#report(asBackendError(failure, this.#settings.directory))
    }
  }

  /** Opens the file in use. */
  #open(): Opened {
    if (this.isClosed) throw this.#undone('was closed')
    const { directory, isDefault, synchronous, clock } = this.#settings
    prepareDirectory(directory, isDefault)
    const path = this.#names.current()
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new ForeignFileError('it is no file')
    checkAccess(path)
    const file = new ShardFile(path, { room: this.room, synchronous, clock })
    if (this.#names.current() !== path) {
      // While it was opened others put it aside, or began the next.
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

  // Others

  /** @param since From when on {@link patience} counts; `Infinity`: there is no end to it. */
  #change<T>(attempt: () => T, since?: Milliseconds): Awaitable<T> {
    if (since !== undefined && this.isLate(since)) throw this.lateError()
    if (this.isHindered) return this.#insist(attempt, undefined, since)
    try {
      return attempt()
    } catch (error) {
      return isBusy(error) ? this.#again(attempt, since) : this.#insist(attempt, error, since)
    }
  }

  /** Whether who called at a moment has been told by now that it failed. */
  isLate(since: Milliseconds): boolean {
    return performance.now() >= since + this.patience
  }

  /** Another process writes for a moment only: it is worth to try again at once. */
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

  /** Resolves when no other connection writes. Those who wait do so together. */
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
        if (!isBusy(error)) return // Whoever waits will meet it.
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

  /** Puts a damaged file aside. The next command begins a new one. */
  replace(error: unknown): void {
    const path = this.#opened?.file.path ?? this.#names.current()
    try {
      void this.#release()
    } catch {
      // What is put aside need not be closed well.
    }
    const aside = this.#names.putAside(path)
    const where = aside === undefined ? 'it was replaced by another process' : `it is kept as ${aside}`
    this.#report(asBackendError(new Error(`${(error as Error).message}; ${where}, and a new one begun`), path))
  }

  /** Removes a file. Its room is free when nobody has it open any more. */
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
   * The file, or its log, was removed or replaced, or it is not the one that others use. What stands there without its log is
   * not to be trusted.
   */
  #moved({ path }: ShardFile): void {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      void this.#release()
      this.#report(asBackendError(new Error('it was removed; a new one is begun'), path))
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

  /** Tells that writes are refused, once in a while. */
  refused(error: unknown): void {
    if (performance.now() < this.#reportAfter) return
    this.#reportAfter = performance.now() + REPORT_INTERVAL
    this.#report(error as Error)
  }
}
