import type { Milliseconds, RemovalReason } from '@cashews/core'
import type { Checkpointer } from './checkpointer.ts'
import { asBackendError, isBusy, isFull } from './errors.ts'
import type { Log } from './log.ts'
import { PAGE_BYTES, type Room } from './room.ts'
import type { ShardFile } from './shard-file.ts'
import { turn } from './turn.ts'
import { collectGarbage, evict, hasWork, noteUses, removeExpired, removeOld, slice } from './upkeep.ts'

/** An open file, and its log. */
export interface Opened {
  readonly file: ShardFile
  readonly log: Log
}

/** Whom it tells what it does. */
export interface OccupancyOwner {
  removed(key: string, reason: RemovalReason): void
  /** There is something to tidy before it is time. */
  wake(): void
}

/** After a write was refused for want of room, how long others are refused without a try. */
const REFUSING: Milliseconds = 500
/** How many writes between two looks at how full the file is. */
const WRITES_BETWEEN_LOOKS = 32
const MOST_USES_NOTED = 400

/** How full the file of a shard is, and what goes when it is too full. */
export class Occupancy {
  readonly #room: Room
  readonly #checkpointer: Checkpointer
  readonly #owner: OccupancyOwner
  #writes = 0
  #isHalfFull = false
  #isCrowded = false
  /** The keys that were read since that was last noted in the file. */
  readonly #uses = new Set<string>()
  #refusingUntil = 0

  constructor(room: Room, checkpointer: Checkpointer, owner: OccupancyOwner) {
    this.#room = room
    this.#checkpointer = checkpointer
    this.#owner = owner
  }

  /** Notes that a key was read, if that will ever matter. */
  used(key: string): void {
    if (this.#isHalfFull) this.#uses.add(key)
  }

  /** Notes a write. */
  wrote({ file, log }: Opened): void {
    if (++this.#writes % WRITES_BETWEEN_LOOKS === 0) this.#look(file)
    log.wrote()
  }

  /** Forgets which keys were read. */
  clear(): void {
    this.#uses.clear()
  }

  /** Does a little of what has to be done now and then. Answers whether there is more. */
  tidy(opened: Opened): boolean {
    const { file } = opened
    this.#look(file)
    const gone: [key: string, reason: RemovalReason][] = []
    let more = false
    const uses = this.#someUses()
    if (uses.length > 0 || this.#isCrowded || hasWork(file)) {
      file.transact(() => {
        const hasTime = slice()
        noteUses(file, uses)
        removeOld(file)
        for (const key of removeExpired(file, hasTime)) gone.push([key, 'expired'])
        if (collectGarbage(file, hasTime) || uses.length === MOST_USES_NOTED) return
        this.#look(file)
        if (this.#isCrowded) for (const key of evict(file, hasTime)) gone.push([key, 'evicted'])
      })
      more = gone.length > 0 || hasWork(file)
      for (const key of uses) this.#uses.delete(key)
      for (const [key, reason] of gone) this.#owner.removed(key, reason)
      this.wrote(opened)
    }
    return more || this.#uses.size > 0
  }

  /**
   * Removes what nobody names any more, then what was least recently used, until there is room again.
   *
   * @param error What a write has failed of: thrown when no room can be made.
   * @param unlocked Waits until no other process writes.
   */
  async makeRoom({ file, log }: Opened, error: unknown, unlocked: () => Promise<void>): Promise<void> {
    if (performance.now() < this.#refusingUntil) throw asBackendError(error, file.path)
    const { all, used } = file.pages()
    // Pages are free, or could be added, and yet there was no room: it is the disk that is full.
    const isDiskFull = all < this.#room.pages && all - used > this.#sparePages
    await this.#checkpointer.awaited(log.copy('RESTART'))
    if (!isDiskFull && (await this.#removeUntilThereIsRoom(file, log, unlocked))) return
    this.#refusingUntil = performance.now() + REFUSING
    throw asBackendError(error, file.path)
  }

  /** Looks how full the file is. */
  #look(file: ShardFile): void {
    const { used } = file.pages()
    const { pages, full, target } = this.#room
    this.#isHalfFull = used > pages / 2
    const crowded = used > (this.#isCrowded ? target : full)
    if (crowded && !this.#isCrowded) this.#owner.wake()
    this.#isCrowded = crowded
  }

  #someUses(): string[] {
    return [...this.#uses].slice(0, MOST_USES_NOTED)
  }

  /** How many pages have to be free for a write to go on. */
  get #sparePages(): number {
    return Math.max(8, Math.ceil((4 * this.#room.partBytes) / PAGE_BYTES))
  }

  /** Answers false when nothing can be removed. */
  async #removeUntilThereIsRoom(file: ShardFile, log: Log, unlocked: () => Promise<void>): Promise<boolean> {
    for (;;) {
      const { all, used } = file.pages()
      const goal = Math.min(all, this.#room.pages) - this.#sparePages
      if (used <= goal) return true
      const gone: string[] = []
      const hasTime = slice()
      try {
        const uses = this.#someUses()
        const more = file.transact(() => {
          noteUses(file, uses)
          if (collectGarbage(file, hasTime)) return true
          if (file.pages().used > goal) gone.push(...evict(file, hasTime))
          return gone.length > 0
        })
        for (const key of uses) this.#uses.delete(key)
        if (!more && file.pages().used >= used) return false
      } catch (error) {
        if (isFull(error)) return false
        if (!isBusy(error)) throw error
        await unlocked()
        continue
      }
      for (const key of gone) this.#owner.removed(key, 'evicted')
      if (log.isTooLong) await this.#checkpointer.awaited(log.copy('RESTART'))
      await turn()
    }
  }
}
