import type { Milliseconds } from '@cashews/core'
import { asBackendError, NoRoomError } from '../errors.ts'
import type { Room } from '../upkeep/room.ts'
import type { Checkpointer, CheckpointMode } from './checkpointer.ts'
import type { ShardFile } from './shard-file.ts'

/** How long to wait after a copy that readers or writers kept from completing. */
const PAUSE: Milliseconds = 20
/** How long that may go on before writes are refused for lack of room. */
const PATIENCE: Milliseconds = 500

/**
 * The write-ahead log of a file. It is copied into the file off the event loop, and early, so that it seldom grows so
 * long that writers have to wait. A reader of an old snapshot keeps it from being reused from its start; the log may
 * then grow into what room is left.
 */
export class Log {
  readonly #file: ShardFile
  readonly #room: Room
  readonly #checkpointer: Checkpointer
  readonly #failed: (error: Error) => void
  /** How long it may grow before writers wait, in bytes. */
  #limit: number
  /** How much of it is copied, while writes made during the copy keep it from being reused from its start. */
  #copiedBytes = 0
  #copying: Promise<void> | undefined
  #copyAgainAt: Milliseconds = 0
  /** The same for a `RESTART`, which writers wait for and only other connections can block. */
  #restartAgainAt: Milliseconds = 0
  /** Since when copies have not completed. */
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

  /** Starts a copy in the background if the log has grown. */
  wrote(): void {
    if (this.#file.logBytes - this.#copiedBytes <= this.#room.logBytes / 4 || this.#copying) return
    if (performance.now() >= this.#copyAgainAt) void this.copy('PASSIVE')
  }

  /** Copies what can be copied; joins a copy that is under way. */
  copy(mode: CheckpointMode): Promise<void> {
    this.#copying ??= this.#copy(mode).finally(() => {
      this.#copying = undefined
    })
    return this.#copying
  }

  /**
   * Waits a while for the log to get shorter.
   *
   * @throws {NoRoomError} When a reader has blocked its reuse for long, and there is no room for it to grow.
   */
  async shorten(): Promise<void> {
    if (this.#copying) await this.#checkpointer.awaited(this.#copying)
    if (!this.isTooLong) return
    if (performance.now() >= this.#restartAgainAt) await this.#checkpointer.awaited(this.copy('RESTART'))
    const now = performance.now()
    // All of it was copied, but others wrote meanwhile: writers may try again.
    if (!this.isTooLong || now >= this.#restartAgainAt) return
    const most = this.#room.mostBytes - this.#file.bytes()
    if (this.#file.logBytes < most) this.#limit = Math.min(this.#file.logBytes + this.#room.logBytes / 4, most)
    else if (now - (this.#hinderedSince ?? now) > PATIENCE)
      throw new NoRoomError(
        `The log of ${this.#file.path} cannot be copied into the file: a reader holds an old snapshot of it.`,
      )
    else await new Promise((resolve) => setTimeout(resolve, this.#restartAgainAt - now))
  }

  /**
   * Closes the file. Resolves once the thread has closed it too: the last connection to close copies what is left of
   * the log, and frees the disk space of a removed file. Two processes that close at the same instant may each see the
   * other's connection and leave the log behind; whoever opens the file next continues with it.
   */
  close(): Promise<void> {
    // This thread first: if both closed at once, neither would be last, and the log would stay.
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
