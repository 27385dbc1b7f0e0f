import type { Cache } from '@cashews/core'
import { round } from './report.ts'

/** Judges what readers see of keys whose writer it is: the value of a key is the number of its last write. */
export class Judge {
  /** When each version was acknowledged; index 0 is the absent one. */
  readonly #acknowledged = new Map<string, number[]>()
  #oldest = 0
  reads = 0
  writes = 0
  /** Writes that were refused, or whose fate is unknown. */
  refused = 0
  /** Reads of what the server itself had gone back to. */
  lost = 0

  /** Writes the next version of a key. Only one write of a key may be under way. */
  async write(cache: Cache, key: string): Promise<void> {
    const times = this.#timesOf(key)
    const version = times.length
    // A write whose answer was lost counts from the next one that is acknowledged.
    times.push(Number.POSITIVE_INFINITY)
    const written = await cache.set(key, version).catch(() => false)
    if (written) {
      this.writes++
      times[version] = performance.now()
    } else this.refused++
  }

  /**
   * Reads a key, and notes how far behind the answer was when the read began.
   *
   * @param server Whose server to ask whether it has lost a write that it had acknowledged, as after a failover: then no
   * copy is to blame. It must be the one that `cache` itself talks to: during a failover there are two masters.
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
    // Written meanwhile: what was there when the read began cannot be told any more.
    else if (there !== undefined && !((times[there] ?? start) <= start)) return
    else this.#oldest = age
  }

  /** How far behind an answer was at most, in milliseconds. */
  get maxAge(): number {
    return round(this.#oldest)
  }

  get keys(): string[] {
    return [...this.#acknowledged.keys()]
  }

  /** How many keys one cache and another do not agree on, once all is quiet. */
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
