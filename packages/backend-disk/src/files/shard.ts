import { type Awaitable, type BackendUnavailableError, isPending, type Milliseconds } from '@cashews/core'
import { asBackendError, isBusy, isDamage, isFull, isMoved, NoRoomError, undoneError } from '../errors.ts'
import type { DiskSettings } from '../settings.ts'
import { Occupancy, type OccupancyOwner } from '../upkeep/occupancy.ts'
import { divide, type Room } from '../upkeep/room.ts'
import type { Checkpointer } from './checkpointer.ts'
import { ShardNames } from './directory.ts'
import { FileInUse, type Opened } from './file-in-use.ts'
import { insist, type Obstacle } from './insist.ts'
import type { Pace } from './pace.ts'
import type { Patience } from './patience.ts'
import type { ShardFile } from './shard-file.ts'
import type { UnderWay } from './under-way.ts'
import { Unlocking } from './unlocking.ts'

/** Is told what a shard does, and what fails, outside of any command. */
export interface ShardOwner extends OccupancyOwner {
  error(error: unknown): void
}

/** What the shards of a store share. */
export interface Shared {
  readonly checkpointer: Checkpointer
  readonly pace: Pace
  readonly patience: Patience
  readonly underWay: UnderWay
  readonly owner: ShardOwner
}

/** How long to retry in a loop while another process writes: about as long as a few of its writes take. */
const SPIN: Milliseconds = 0.3
/** How often a command may find the file damaged or full before it fails. */
const MOST_REPAIRS = 4
/** How often refused writes are reported at most. */
const REPORT_INTERVAL: Milliseconds = 10_000
/** How old the last recorded use of a key must be before another one is recorded. */
const USED_LATELY: Milliseconds = 100
/** For how many keys of one command a caller waits as long as for one. */
const KEYS_PER_PATIENCE = 1_000

type Work<T> = (file: ShardFile) => T

/** One file of the cache: reads and writes it alongside other processes, and bounds its size. */
export class Shard implements Obstacle {
  readonly room: Room
  readonly timeout: Milliseconds
  readonly #inUse: FileInUse
  readonly #occupancy: Occupancy
  readonly #unlocking: Unlocking
  readonly #pace: Pace
  readonly #patience: Patience
  readonly #underWay: UnderWay
  readonly #owner: ShardOwner
  #reportAfter = 0

  constructor(shard: number, settings: DiskSettings, { checkpointer, pace, patience, underWay, owner }: Shared) {
    this.room = divide(settings.sizeLimit / settings.shards)
    this.timeout = settings.timeout
    const names = new ShardNames(settings.directory, shard, settings.shards)
    this.#inUse = new FileInUse(settings, names, this.room, checkpointer, {
      report: (error) => owner.error(error),
      refused: (error) => this.refused(error),
      released: () => this.#occupancy.clear(),
    })
    this.#occupancy = new Occupancy(this.room, checkpointer, owner)
    this.#unlocking = new Unlocking(
      () => this.file.transact(() => {}),
      settings.timeout,
      () => this.lockedError(),
    )
    this.#pace = pace
    this.#patience = patience
    this.#underWay = underWay
    this.#owner = owner
  }

  /** Opens the file. */
  open(): Awaitable<void> {
    return this.read(() => {})
  }

  /** Lets commands open the file again after it was closed. */
  reopen(): void {
    this.#inUse.isClosed = false
  }

  close(): void {
    this.#inUse.isClosed = true
    void this.#inUse.release()
  }

  /** The file; opened if it is not. */
  get file(): ShardFile {
    return this.#inUse.file
  }

  /** The file, if it is open. */
  get fileAtHand(): ShardFile | undefined {
    return this.#inUse.opened?.file
  }

  // Reads

  /** Reads: synchronously, unless the file has to be repaired first, or others keep it from being opened. */
  read<T>(work: Work<T>): Awaitable<T> {
    if (this.#unlocking.isUnderWay && !this.#inUse.opened) return this.#insistOnReading(work)
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
   * Records that a key is read, once the file is full enough for eviction to be near.
   *
   * @param usedAt When that was last recorded.
   */
  used(key: string, usedAt: Milliseconds, now: Milliseconds): void {
    if (now - usedAt > USED_LATELY) this.#occupancy.used(key)
  }

  // Writes

  /**
   * Runs work in a transaction: synchronously, unless another process is writing or the log has to be copied.
   *
   * @param last When to stop trying: {@link lastFor} the command. @default that of a command which is called now
   */
  write<T>(work: Work<T>, last?: Milliseconds): Awaitable<T> {
    return this.#change(() => this.#transact(work), last)
  }

  /** The same for a single statement that only writes, which needs no transaction of its own. */
  writeOnce<T>(work: Work<T>, last?: Milliseconds): Awaitable<T> {
    return this.#change(() => {
      const answer = work(this.file)
      this.#wrote()
      return answer
    }, last)
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
        if (isBusy(failure)) await this.#unlocking.released()
        else if (isFull(failure)) break
        else throw asBackendError(failure, this.#inUse.place)
      }
    }
    await this.#inUse.discard(error)
    return this.#change(() => this.#transact(work), Number.POSITIVE_INFINITY)
  }

  #transact<T>(work: Work<T>): T {
    const answer = this.file.transact(work)
    this.#wrote()
    return answer
  }

  #wrote(): void {
    this.#occupancy.wrote(this.#inUse.opened as Opened)
  }

  /** Reports a refused write, or upkeep that fails, at most once per {@link REPORT_INTERVAL}. */
  refused(error: unknown): void {
    if (performance.now() < this.#reportAfter) return
    this.#reportAfter = performance.now() + REPORT_INTERVAL
    this.#owner.error(error)
  }

  // Transactions over several shards

  /** Makes sure that the open file is the one other processes use, before a commit whose outcome must be certain. */
  settle(): void {
    const file = this.fileAtHand
    if (file && !file.isInPlace()) this.#inUse.moved(file)
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

  // Upkeep

  /** Does one slice of the regular upkeep, if the file is open. Returns whether there is more to do. */
  tidy(): boolean {
    const { opened } = this.#inUse
    if (opened === undefined) return false
    try {
      if (this.#inUse.isCurrent(opened.file)) return this.#occupancy.tidy(opened)
      this.#inUse.moved(opened.file)
      this.#inUse.open()
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
      this.refused(asBackendError(failure, this.#inUse.place))
    }
  }

  /** Puts a damaged file aside. The next command creates a new one. */
  replace(error: unknown): void {
    this.#inUse.replace(error)
  }

  // Obstacles: other processes that write, a log that is too long, a file that is full or damaged

  #change<T>(attempt: () => T, last?: Milliseconds): Awaitable<T> {
    if (last !== undefined && performance.now() >= last) throw this.lateError()
    if (this.isHindered) return this.#insist(attempt, undefined, last)
    try {
      return attempt()
    } catch (error) {
      return isBusy(error) ? this.#again(attempt, last) : this.#insist(attempt, error, last)
    }
  }

  /**
   * When to stop trying to carry out a command that is called now and names so many keys: before its caller, who has some
   * patience for each thousand, is told that it failed.
   */
  lastFor(keys: number): Milliseconds {
    return performance.now() + Math.max(1, Math.ceil(keys / KEYS_PER_PATIENCE)) * this.#patience.current
  }

  /** Other processes write for a moment only, so that it pays to retry at once for a while. */
  #again<T>(attempt: () => T, last?: Milliseconds): Awaitable<T> {
    const end = performance.now() + SPIN
    for (;;) {
      try {
        return attempt()
      } catch (error) {
        if (!isBusy(error) || performance.now() >= end) return this.#insist(attempt, error, last)
      }
    }
  }

  #insist<T>(attempt: () => T, error?: unknown, last = this.lastFor(1)): Promise<T> {
    return insist([this], attempt, () => this, this.#pace, error, last)
  }

  /** Whether writers have to wait, so that trying is pointless. */
  get isHindered(): boolean {
    return this.#unlocking.isUnderWay || this.#inUse.opened?.log.isTooLong === true
  }

  async ready(): Promise<void> {
    await this.#unlocking.ended()
    const { opened } = this.#inUse
    if (opened?.log.isTooLong) await opened.log.shorten()
  }

  async overcome(error: unknown, repairs: number, deadline: Milliseconds): Promise<void> {
    const { opened, place } = this.#inUse
    if (isBusy(error)) {
      if (performance.now() >= deadline) throw this.lockedError()
      await this.#unlocking.released()
    } else if (repairs >= MOST_REPAIRS) throw asBackendError(error, place)
    else if (isDamage(error)) this.replace(error)
    else if (isMoved(error)) void this.#inUse.release()
    else if (isFull(error) && opened) await this.#occupancy.makeRoom(opened, error, () => this.#unlocking.released())
    else throw asBackendError(error, place)
  }

  lockedError(): BackendUnavailableError {
    return undoneError(this.#inUse.place, `has been locked by another process for ${this.timeout} ms`)
  }

  lateError(): BackendUnavailableError {
    return undoneError(this.#inUse.place, 'could not be written to in time')
  }
}
