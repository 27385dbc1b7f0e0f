import { lstatSync, statSync } from 'node:fs'
import {
  type Awaitable,
  BackendUnavailableError,
  isPending,
  type Milliseconds,
  type RemovalReason,
} from '@cashews/core'
import type { Checkpointer } from './checkpointer.ts'
import { prepareDirectory, ShardNames } from './directory.ts'
import { asBackendError, isBusy, isDamage, isFull, isMoved, NoRoomError } from './errors.ts'
import { divide, PAGE_BYTES, type Room } from './room.ts'
import { ForeignFileError } from './schema.ts'
import type { DiskSettings } from './settings.ts'
import { ShardFile } from './shard-file.ts'
import { turn } from './turn.ts'
import { collectGarbage, evict, hasWork, noteUses, removeExpired, removeOld, slice } from './upkeep.ts'

/** Whom a shard tells what happens by itself. */
export interface ShardOwner {
  removed(key: string, reason: RemovalReason): void
  error(error: unknown): void
  /** There is something to tidy before it is time. */
  wake(): void
}

const LONGEST_PAUSE: Milliseconds = 16
/** How often a command may find the file damaged or full before it gives up. */
const MOST_REPAIRS = 4
/** After a write was refused for want of room, how long others are refused without a try. */
const REFUSING: Milliseconds = 500
const REPORT_INTERVAL: Milliseconds = 10_000
/** How many writes between two looks at how full the file is. */
const WRITES_BETWEEN_LOOKS = 32
/** How many writers that waited go on before others have their turn. */
const MOST_AT_ONCE = 32
const MOST_USES_NOTED = 400
/** When a reader somewhere keeps the log from being copied: how far it may grow beyond its bounds. */
const MOST_LOGS = 4

type Work<T> = (file: ShardFile) => T

/** One file of the cache: opened, written to in spite of other processes, mended when it breaks, kept within its bounds. */
export class Shard {
  readonly room: Room
  readonly #settings: DiskSettings
  readonly #names: ShardNames
  readonly #checkpointer: Checkpointer
  readonly #owner: ShardOwner
  #file: ShardFile | undefined
  /** Resolves when the lock of another process is gone. */
  #unlocking: Promise<void> | undefined
  #copying: Promise<void> | undefined
  /** Resolves when others have had their turn. */
  #resting: Promise<void> | undefined
  #burst = 0
  #writes = 0
  #isHalfFull = false
  #isCrowded = false
  #uses = new Set<number>()
  #refusingUntil = 0
  #reportAfter = 0

  constructor(shard: number, settings: DiskSettings, checkpointer: Checkpointer, owner: ShardOwner) {
    this.room = divide(settings.sizeLimit / settings.shards)
    this.#settings = settings
    this.#names = new ShardNames(settings.directory, shard, settings.shards)
    this.#checkpointer = checkpointer
    this.#owner = owner
  }

  /** Opens the file. */
  open(): Awaitable<void> {
    return this.read(() => {})
  }

  /** Copies the log into the file, if the thread for that runs already, and closes. */
  async close(): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    if (this.#copying) await this.#checkpointer.awaited(this.#copying)
    this.#release()
  }

  /** Reads. At once, unless the file has to be mended first. */
  read<T>(work: Work<T>): Awaitable<T> {
    const attempt = () => work(this.file)
    try {
      return attempt()
    } catch (error) {
      return insist([this], attempt, () => this, error)
    }
  }

  /** Does what reads and writes in one step. At once, unless another process is writing or the log has to be copied. */
  write<T>(work: Work<T>): Awaitable<T> {
    return writeTogether([this], () => work(this.file))
  }

  /**
   * The same for work that only removes: it must be done, however full the disk is, or a value that is out of date would
   * be read again. When there is no room even for that, the file goes, with all it holds.
   */
  remove<T>(work: Work<T>): Awaitable<T> {
    const again = async (error: unknown): Promise<T> => {
      if (!(error instanceof NoRoomError)) throw error
      try {
        await this.#checkpointer.awaited(this.#copyLog('RESTART'))
        return this.file.transact(work)
      } catch (failure) {
        if (!isFull(failure)) throw failure
        this.#discard(failure)
        return this.write(work)
      }
    }
    const removed = this.write(work)
    return isPending(removed) ? removed.catch(again) : removed
  }

  /** Begins, and ends, what may span several shards. */
  begin(): ShardFile {
    const { file } = this
    file.begin()
    return file
  }

  commit(file: ShardFile): void {
    file.commit()
    this.#wrote(file)
  }

  /** Whether a writer has to wait, without trying. */
  get isHindered(): boolean {
    if (this.#unlocking ?? this.#resting) return true
    return (this.#file?.logBytes ?? 0) > this.room.logBytes
  }

  get timeout(): Milliseconds {
    return this.#settings.timeout
  }

  /** The open file. */
  get file(): ShardFile {
    this.#file ??= this.#open()
    return this.#file
  }

  /** Notes that an entry was read, if that will ever matter. */
  used(id: number): void {
    if (this.#isHalfFull) this.#uses.add(id)
  }

  /** Does a little of what has to be done now and then. Answers whether there is more. */
  tidy(): boolean {
    try {
      const file = this.file
      if (!file.isInPlace()) return this.#moved(file)
      return this.#tidy(file)
    } catch (error) {
      if (isDamage(error)) this.replace(error)
      else if (!isBusy(error) && !isFull(error)) this.#owner.error(asBackendError(error, this.#settings.directory))
      return false
    }
  }

  #tidy(file: ShardFile): boolean {
    this.#look(file)
    const gone: [key: string, reason: RemovalReason][] = []
    let more = false
    const uses = [...this.#uses].slice(0, MOST_USES_NOTED)
    if (uses.length > 0 || this.#isCrowded || hasWork(file)) {
      file.transact(() => {
        const hasTime = slice()
        noteUses(file, uses)
        removeOld(file)
        for (const key of removeExpired(file, hasTime)) gone.push([key, 'expired'])
        if (this.#isCrowded && uses.length < MOST_USES_NOTED)
          for (const key of evict(file, hasTime)) gone.push([key, 'evicted'])
        more = collectGarbage(file, hasTime) || gone.length > 0
      })
      for (const id of uses) this.#uses.delete(id)
      for (const [key, reason] of gone) this.#owner.removed(key, reason)
      this.#wrote(file)
    }
    return more || this.#uses.size > 0
  }

  /** Copies what can be copied of the log, beside the event loop. */
  #copyLog(mode: 'PASSIVE' | 'RESTART'): Promise<void> {
    this.#copying ??= this.#copy(mode).finally(() => {
      this.#copying = undefined
    })
    return this.#copying
  }

  async #copy(mode: 'PASSIVE' | 'RESTART'): Promise<void> {
    const file = this.file
    const before = file.logBytes
    try {
      const { logBytes } = await this.#checkpointer.copy(file.path, mode)
      const since = file.logBytes - before
      file.logBytes = logBytes === 0 && since === 0 ? 0 : (logBytes || before) + since
    } catch (error) {
      if (this.#file === file) this.refused(asBackendError(error, file.path))
    }
  }

  /** Opens the file in use; what cannot be used is put aside first. */
  #open(): ShardFile {
    const { directory, isDefault, clock } = this.#settings
    prepareDirectory(directory, isDefault)
    const path = this.#names.current()
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new ForeignFileError('it is no file')
    return new ShardFile(path, this.room, clock)
  }

  /** For messages. */
  get #place(): string {
    return this.#file?.path ?? this.#settings.directory
  }

  #release(): void {
    const file = this.#file
    this.#file = undefined
    this.#uses.clear()
    if (file === undefined) return
    this.#checkpointer.forget(file.path)
    file.close()
  }

  /** Waits until nothing hinders a writer. Those who waited together do not go on all at once. */
  async ready(): Promise<void> {
    while (this.#unlocking ?? this.#resting) await (this.#unlocking ?? this.#resting)
    if (this.isHindered) await this.#shortenLog()
    if (++this.#burst < MOST_AT_ONCE) return
    this.#burst = 0
    this.#resting = turn().finally(() => {
      this.#resting = undefined
    })
  }

  /** Does something about a failure, or throws it. */
  async overcome(error: unknown, repairs: number, deadline: Milliseconds): Promise<void> {
    const path = this.#place
    if (isBusy(error)) {
      if (performance.now() >= deadline) throw this.#locked(path)
      await this.#unlocked()
    } else if (repairs >= MOST_REPAIRS) throw asBackendError(error, path)
    else if (isDamage(error)) this.replace(error)
    else if (isMoved(error)) this.#release()
    else if (isFull(error) && this.#file) await this.#makeRoom(this.#file, error)
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
        if (performance.now() >= deadline) throw this.#locked(this.#place)
      }
    }
  }

  #locked(path: string): BackendUnavailableError {
    return new BackendUnavailableError(
      `The disk cache at ${path} has been locked by another process for ${this.#settings.timeout} ms.`,
    )
  }

  // Room

  #wrote(file: ShardFile): void {
    if (++this.#writes % WRITES_BETWEEN_LOOKS === 0) this.#look(file)
    if (file.logBytes > this.room.logBytes / 4 && !this.#copying) void this.#copyLog('PASSIVE')
  }

  /** Looks how full the file is. */
  #look(file: ShardFile): void {
    const { used } = file.pages()
    const { pages, full, target } = this.room
    this.#isHalfFull = used > pages / 2
    const crowded = used > (this.#isCrowded ? target : full)
    if (crowded && !this.#isCrowded) this.#owner.wake()
    this.#isCrowded = crowded
  }

  async #shortenLog(): Promise<void> {
    if (this.#copying) await this.#checkpointer.awaited(this.#copying)
    const file = this.file
    if (file.logBytes <= this.room.logBytes) return
    await this.#checkpointer.awaited(this.#copyLog('RESTART'))
    if (file.logBytes <= this.room.logBytes) return
    const size = statSync(`${file.path}-wal`, { throwIfNoEntry: false })?.size ?? 0
    if (size > MOST_LOGS * this.room.logBytes)
      throw new NoRoomError(
        `The log of ${file.path} cannot be copied into the file: somebody reads an old state of it.`,
      )
    file.logBytes = this.room.logBytes / 2
  }

  /** Removes what was least recently used, until there is room again. */
  async #makeRoom(file: ShardFile, error: unknown): Promise<void> {
    if (performance.now() < this.#refusingUntil) throw asBackendError(error, file.path)
    await this.#checkpointer.awaited(this.#copyLog('RESTART'))
    if (await this.#evictUntilThereIsRoom(file)) return
    this.#refusingUntil = performance.now() + REFUSING
    throw asBackendError(error, file.path)
  }

  /** Answers false when there is no room although pages are free: then it is the disk that is full. */
  async #evictUntilThereIsRoom(file: ShardFile): Promise<boolean> {
    const { all, used } = file.pages()
    const spare = Math.max(8, Math.ceil((4 * this.room.partBytes) / PAGE_BYTES))
    if (all < this.room.pages && all - used > spare) return false
    const goal = Math.min(all, this.room.pages) - spare
    while (file.pages().used > goal) {
      const gone: string[] = []
      const hasTime = slice()
      try {
        const more = file.transact(() => {
          gone.push(...evict(file, hasTime))
          return collectGarbage(file, hasTime)
        })
        if (gone.length === 0 && !more) return false
      } catch (error) {
        if (isFull(error)) return false
        throw error
      }
      for (const key of gone) this.#owner.removed(key, 'evicted')
      if (file.logBytes > this.room.logBytes) await this.#checkpointer.awaited(this.#copyLog('RESTART'))
      await turn()
    }
    return true
  }

  // Damage

  /** Puts a damaged file aside. The next command begins a new one. */
  replace(error: unknown): void {
    const path = this.#file?.path ?? this.#names.current()
    try {
      this.#release()
    } catch {
      // What is put aside need not be closed well.
    }
    const aside = this.#names.putAside(path)
    const where = aside === undefined ? 'it was replaced by another process' : `it is kept as ${aside}`
    this.#report(asBackendError(new Error(`${(error as Error).message}; ${where}, and a new one begun`), path))
  }

  #discard(error: unknown): void {
    const path = this.#file?.path ?? this.#names.current()
    this.#release()
    this.#names.remove(path)
    this.#report(asBackendError(new Error(`${(error as Error).message}; the file was given up to remove a key`), path))
  }

  /** The file, or its log, was removed or replaced. What stands there without its log is not to be trusted. */
  #moved(file: ShardFile): boolean {
    const { path } = file
    const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined
    if (isThere) this.replace(new Error('its write-ahead log was removed or replaced'))
    else {
      this.#release()
      this.#report(asBackendError(new Error('it was removed; a new one is begun'), path))
    }
    return true
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

/** Does work that reads and writes several shards in one step. Two who do so never wait for each other. */
export function writeTogether<T>(shards: readonly Shard[], work: () => T): Awaitable<T> {
  let current = shards[0] as Shard
  const attempt = (): T => {
    const begun: [Shard, ShardFile][] = []
    try {
      for (current of shards) begun.push([current, current.begin()])
      const answer = work()
      for (const [shard, file] of begun) {
        current = shard
        shard.commit(file)
      }
      return answer
    } catch (error) {
      for (const [, file] of begun) file.rollback()
      throw error
    }
  }
  if (shards.some(({ isHindered }) => isHindered)) return insist(shards, attempt, () => current)
  try {
    return attempt()
  } catch (error) {
    return insist(shards, attempt, () => current, error)
  }
}

/** Goes on until an attempt succeeds, or there is no hope. */
async function insist<T>(
  shards: readonly Shard[],
  attempt: () => T,
  culprit: () => Shard,
  error?: unknown,
): Promise<T> {
  let failure = error
  const deadline = performance.now() + culprit().timeout
  for (let repairs = 0; ; repairs += isBusy(failure) ? 0 : 1) {
    if (failure !== undefined) await culprit().overcome(failure, repairs, deadline)
    for (const shard of shards) await shard.ready()
    try {
      return attempt()
    } catch (error) {
      failure = error
    }
  }
}
