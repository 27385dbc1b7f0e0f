import type { Detection } from './detect.ts'
import type { Flight } from './flight.ts'
import { getOrMake } from './get-or-make.ts'

/** What a cache counts of the calls of one template: hits that are at hand always, the rest while somebody watches. */
export class Tally {
  /** The key template whose calls it counts. */
  readonly template: string
  /** Answered from the cache. */
  hits = 0
  /** Answered from the cache, with what was older than the strategy wanted. */
  stale = 0
  /** Computed, because nothing good enough was stored. */
  misses = 0
  /** Computed anew, whatever was stored. */
  refreshes = 0
  /** Answered by a load that another caller had started. */
  shared = 0

  constructor(template: string) {
    this.template = template
  }

  /** Counts a caller who joins a load. The wrapper is about to count the same caller as a hit, which this takes back. */
  joinedAtHand(): void {
    this.shared++
    this.hits--
  }

  /** Counts what comes of a load. */
  follow(flight: Flight<unknown>): void {
    const landed = () => {
      if (!flight.hit) this[flight.reason === 'refresh' ? 'refreshes' : 'misses']++
      else this[flight.stale ? 'stale' : 'hits']++
    }
    flight.promise.then(landed, landed)
  }
}

/** Stands around each run of a wrapped function. Has to answer what `run` answers. */
export type RunWatcher = (template: string, run: () => Promise<unknown>) => Promise<unknown>

/** The tallies of one cache, one for each template, and who watches. */
export class Tallies {
  readonly #byTemplate = new Map<string, Tally>()
  readonly #watchers = new Set<RunWatcher>()
  /** Whether anybody watches. */
  isWatched = false

  get all(): Iterable<Tally> {
    return this.#byTemplate.values()
  }

  /** Where the calls are counted that a strategy describes like this: by its template, or by its name when it has none. */
  ofSeen({ template, strategy }: Pick<Detection, 'template' | 'strategy'>): Tally {
    return this.of(template ?? strategy)
  }

  of(template: string): Tally {
    return getOrMake(this.#byTemplate, template, () => new Tally(template))
  }

  /** Answers what ends it. */
  watch(watcher: RunWatcher): () => void {
    this.#watchers.add(watcher)
    this.isWatched = true
    return () => {
      this.#watchers.delete(watcher)
      this.isWatched = this.#watchers.size > 0
    }
  }

  /** Runs a wrapped function with all watchers around it. */
  run(template: string, run: () => Promise<unknown>): Promise<unknown> {
    let watched = run
    for (const watcher of this.#watchers) {
      const inner = watched
      watched = () => watcher(template, inner)
    }
    return watched()
  }
}
