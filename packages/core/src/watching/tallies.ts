import { getOrMake } from '../basics/get-or-make.ts'
import type { Flight } from '../loads/flight.ts'
import type { Detection } from './detect.ts'

/** The counts of the calls of one key template. Synchronous hits are always counted, everything else only while watched. */
export class Tally {
  /** The key template whose calls it counts. */
  readonly template: string
  /** Answered from the cache. */
  hits = 0
  /** Answered from the cache, with a stale value. */
  stale = 0
  /** Computed, because nothing good enough was stored. */
  misses = 0
  /** Computed again regardless of what was stored. */
  refreshes = 0
  /** Answered by a load that another caller had started. */
  shared = 0

  constructor(template: string) {
    this.template = template
  }

  /** Counts a caller that joins a load. The wrapper will count it as a hit, which is undone in advance. */
  joinedAtHand(): void {
    this.shared++
    this.hits--
  }

  /** Counts the outcome of a load. */
  follow(flight: Flight<unknown>): void {
    const landed = () => {
      if (!flight.hit) this[flight.reason === 'refresh' ? 'refreshes' : 'misses']++
      else this[flight.stale ? 'stale' : 'hits']++
    }
    flight.promise.then(landed, landed)
  }
}

/** Wraps each run of a wrapped function. Has to return what `run` returns. */
export type RunWatcher = (template: string, run: () => Promise<unknown>) => Promise<unknown>

/** The tallies of one cache, and its watchers. */
export class Tallies {
  readonly #byTemplate = new Map<string, Tally>()
  readonly #watchers = new Set<RunWatcher>()
  /** Whether there are watchers. */
  isWatched = false

  get all(): Iterable<Tally> {
    return this.#byTemplate.values()
  }

  /** The tally of a strategy's calls: by their template, or by the strategy's name if there is none. */
  ofSeen({ template, strategy }: Pick<Detection, 'template' | 'strategy'>): Tally {
    return this.of(template ?? strategy)
  }

  of(template: string): Tally {
    return getOrMake(this.#byTemplate, template, () => new Tally(template))
  }

  /** Returns a function that ends it. */
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
