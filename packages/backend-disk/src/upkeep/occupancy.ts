import type { Milliseconds, RemovalReason } from '@cashews/core'
import { asBackendError, isBusy, isFull } from '../errors.ts'
import type { Checkpointer } from '../files/checkpointer.ts'
import type { Opened } from '../files/file-in-use.ts'
import type { Log } from '../files/log.ts'
import type { ShardFile } from '../files/shard-file.ts'
import { turn } from '../files/turn.ts'
import { PAGE_BYTES, type Room } from './room.ts'
import { collectGarbage, evict, hasWork, noteUses, removeExpired, removeOld, slice } from './upkeep.ts'

/** Is told what a shard does by itself. */
export interface OccupancyOwner {
  removed(key: string, reason: RemovalReason): void
  /** There is something to tidy before the next round. */
  wake(): void
}

/** How long writes are refused without an attempt after one was refused for lack of room. */
const REFUSING: Milliseconds = 500
/** How many writes lie between two checks of how full the file is. */
const WRITES_BETWEEN_LOOKS = 32
/** How many of the keys that were read one slice of upkeep notes. */
const MOST_USES_NOTED = 400
/** How many of them are remembered until the next round. */
const MOST_USES = 10_000

/** Keeps the file of a shard within its room: expires, collects garbage, and evicts. */
export class Occupancy {
  readonly #room: Room
  readonly #checkpointer: Checkpointer
  readonly #owner: OccupancyOwner
  #writes = 0
  #isHalfFull = false
  #isCrowded = false
  /** The keys read since uses were last written to the file. */
  readonly #uses = new Set<string>()
  #refusingUntil = 0

  constructor(room: Room, checkpointer: Checkpointer, owner: OccupancyOwner) {
    this.#room = room
    this.#checkpointer = checkpointer
    this.#owner = owner
  }

  /** Records that a key was read, once the file is full enough for eviction to be near. */
  used(key: string): void {
    if (this.#isHalfFull && this.#uses.add(key).size >= MOST_USES) this.#owner.wake()
  }

  /** Takes note of a write. */
  wrote({ file, log }: Opened): void {
    if (++this.#writes % WRITES_BETWEEN_LOOKS === 0) this.#look(file)
    log.wrote()
  }

  /** Forgets which keys were read. */
  clear(): void {
    this.#uses.clear()
  }

  /** Does one slice of the regular upkeep. Returns whether there is more to do. */
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
   * Removes garbage, then the least recently used entries, until there is room again.
   *
   * @param error The failure of a write, thrown as a {@link NoRoomError} when no room can be made.
   * @param unlocked Waits until no other process writes.
   */
  async makeRoom({ file, log }: Opened, error: unknown, unlocked: () => Promise<void>): Promise<void> {
    if (performance.now() < this.#refusingUntil) throw asBackendError(error, file.path)
    const { all, used } = file.pages()
    // The write failed although pages are free or could be added: it is the disk that is full.
    const isDiskFull = all < this.#room.pages && all - used > this.#sparePages
    await this.#checkpointer.awaited(log.copy('RESTART'))
    if (!isDiskFull && (await this.#removeUntilThereIsRoom(file, log, unlocked))) return
    this.#refusingUntil = performance.now() + REFUSING
    throw asBackendError(error, file.path)
  }

  /** Checks how full the file is. */
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

  /** How many pages must be free for writes to go on. */
  get #sparePages(): number {
    return Math.max(8, Math.ceil((4 * this.#room.partBytes) / PAGE_BYTES))
  }

  /** Returns false when nothing can be removed. */
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
