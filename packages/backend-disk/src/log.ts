import type { Milliseconds } from '@cashews/core'
import type { Checkpointer, CheckpointMode } from './checkpointer.ts'
import { asBackendError, NoRoomError } from './errors.ts'
import type { Room } from './room.ts'
import type { ShardFile } from './shard-file.ts'

/** After a copy that somebody hindered, how long until the next one. */
const PAUSE: Milliseconds = 20
/** For how long somebody may hinder it before writers are refused for want of room. */
const PATIENCE: Milliseconds = 500

/**
 * The write-ahead log of a file. It is copied into the file beside the event loop, early, so that it seldom grows to
 * where writers wait for that. Who reads an old state keeps it from beginning anew; then it may take what room is left.
 */
export class Log {
  readonly #file: ShardFile
  readonly #room: Room
  readonly #checkpointer: Checkpointer
  readonly #failed: (error: Error) => void
  /** Up to where it may grow before writers wait. */
  #limit: number
  /** Up to where it was copied, while what was written during the copy keeps it from beginning anew. */
  #copiedBytes = 0
  #copying: Promise<void> | undefined
  #copyAgainAt: Milliseconds = 0
  /** The same for a copy that writers wait for, which only others can hinder. */
  #restartAgainAt: Milliseconds = 0
  /** Since when it could not begin anew. */
  #hinderedSince: Milliseconds | undefined

  constructor(file: ShardFile, room: Room, checkpointer: Checkpointer, failed: (error: Error) => void) {
    this.#file = file
    this.#room = room
    this.#checkpointer = checkpointer
    this.#failed = failed
    this.#limit = room.logBytes
  }

  /** Whether writers have to wait for {@link shorten}. */
  get isTooLong(): boolean {
    return this.#file.logBytes > this.#limit
  }

  /** Has it copied if it has grown. */
  wrote(): void {
    if (this.#file.logBytes - this.#copiedBytes <= this.#room.logBytes / 4 || this.#copying) return
    if (performance.now() >= this.#copyAgainAt) void this.copy('PASSIVE')
  }

  /** Copies what can be copied. */
  copy(mode: CheckpointMode): Promise<void> {
    this.#copying ??= this.#copy(mode).finally(() => {
      this.#copying = undefined
    })
    return this.#copying
  }

  /**
   * Waits a while for it to get shorter.
   *
   * @throws {NoRoomError} When somebody has long kept it from beginning anew, and there is no room for more of it.
   */
  async shorten(): Promise<void> {
    if (this.#copying) await this.#checkpointer.awaited(this.#copying)
    if (!this.isTooLong) return
    if (performance.now() >= this.#restartAgainAt) await this.#checkpointer.awaited(this.copy('RESTART'))
    const now = performance.now()
    // All of it was copied, but others wrote meanwhile: whoever waits may try again.
    if (!this.isTooLong || now >= this.#restartAgainAt) return
    if (this.#file.logBytes + this.#file.bytes() <= this.#room.mostBytes)
      this.#limit = this.#file.logBytes + this.#room.logBytes / 4
    else if (now - (this.#hinderedSince ?? now) > PATIENCE)
      throw new NoRoomError(
        `The log of ${this.#file.path} cannot be copied into the file: somebody reads an old state of it.`,
      )
    else await new Promise((resolve) => setTimeout(resolve, this.#restartAgainAt - now))
  }

  /**
   * Closes the file. Resolves when the thread has closed it too: whoever is last copies what is left of the log, and gives
   * the room of a file that was removed back to the disk. Two processes that close at the same instant may each see the
   * other's connection and leave the log: it grows no more, and who opens the file next goes on with it.
   */
  close(): Promise<void> {
    // Here first: where both close at once, neither is last, and the log stays.
    this.#file.close()
    return this.#checkpointer.release(this.#file.path)
  }

  async #copy(mode: CheckpointMode): Promise<void> {
    const file = this.#file
    if (!file.isOpen) return
    const before = file.logBytes
    try {
      const { logBytes, isWhole } = await this.#checkpointer.copy(file.path, mode)
      const written = file.logBytes - before
      const beginsAnew = isWhole && written === 0
      file.logBytes = beginsAnew ? 0 : logBytes + written
      this.#copiedBytes = isWhole && !beginsAnew ? logBytes : 0
      this.#copyAgainAt = isWhole ? 0 : performance.now() + PAUSE
      if (isWhole || mode === 'RESTART') this.#restartAgainAt = this.#copyAgainAt
      if (isWhole) this.#limit = this.#room.logBytes
      this.#hinderedSince = isWhole ? undefined : (this.#hinderedSince ?? performance.now())
    } catch (error) {
      this.#copyAgainAt = performance.now() + PAUSE
      this.#restartAgainAt = this.#copyAgainAt
      if (file.isOpen) this.#failed(asBackendError(error, file.path))
    }
  }
}
