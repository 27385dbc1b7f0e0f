import type { Cache } from '@cashews/core'
import { round } from './report.ts'

/** Writes keys, and judges what readers see of them. The value of a key is the number of its last write. */
export class Judge {
  /** When each version was acknowledged; index 0 stands for the absent key. */
  readonly #acknowledged = new Map<string, number[]>()
  #oldest = 0
  reads = 0
  writes = 0
  /** Writes that were refused, or whose outcome is unknown. */
  refused = 0
  /** Reads of an old value that the server itself had returned to. */
  lost = 0

  /** Writes the next version of a key. Only one write of a key may be under way at a time. */
  async write(cache: Cache, key: string): Promise<void> {
    const times = this.#timesOf(key)
    const version = times.length
    // A write whose answer was lost counts as acknowledged with the next one.
    times.push(Number.POSITIVE_INFINITY)
    const written = await cache.set(key, version).catch(() => false)
    if (written) {
      this.writes++
      times[version] = performance.now()
    } else this.refused++
  }

  /**
   * Reads a key, and notes how old the answer was when the read began.
   *
   * @param server A cache without copies on the same server, to find out whether the server has lost an acknowledged write, as
   * after a failover. It must use the same master as `cache`: during a failover there are two.
   */
  async read(cache: Cache, key: string, server?: Cache): Promise<void> {
    const start = performance.now()
    const found = await cache.get<number>(key)
    this.reads++
    if (found === undefined) return
    const times = this.#timesOf(key)
    const age = start - Math.min(...times.slice(found + 1), start)
    if (age <= this.#oldest) return
    const raw = await server?.getRaw(key)
    const there = raw === undefined ? undefined : Number(raw)
    if (there !== undefined && there <= found) this.lost++
    // Written meanwhile, so that the value at the beginning of the read is unknown.
    else if (there !== undefined && !((times[there] ?? start) <= start)) return
    else this.#oldest = age
  }

  /** The greatest age of an answer, in milliseconds. */
  get maxAge(): number {
    return round(this.#oldest)
  }

  get keys(): string[] {
    return [...this.#acknowledged.keys()]
  }

  /** The number of keys with different values in two caches, once nothing is under way. */
  async wrongAtRest(cache: Cache, truth: Cache): Promise<number> {
    const [seen, there] = await Promise.all([cache.getMany(this.keys), truth.getMany(this.keys)])
    return seen.filter((value, at) => value !== there[at]).length
  }

  #timesOf(key: string): number[] {
    const times = this.#acknowledged.get(key) ?? [0]
    this.#acknowledged.set(key, times)
    return times
  }
}
