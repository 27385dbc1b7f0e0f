import { MISS } from './backend.ts'
import { type Detection, Detector } from './detect.ts'
import { type Flight, Flights } from './flight.ts'
import { type Lease, newLease } from './lease.ts'
import type { Route } from './route.ts'
import { inWatchedScope, watchedScope } from './scope.ts'

/** What a strategy tells of a call before it is made. */
export type Seen = Pick<Detection, 'strategy' | 'template' | 'ttl'>

/** How a load may be shared: `'join'` one that is under way, start one `'anew'` for others to join, or go `'alone'`. */
export type Sharing = 'join' | 'anew' | 'alone'

/** One read-through: look, and load on a miss. */
export interface ReadThrough<T> {
  readonly route: Route
  readonly key: string
  readonly sharing: Sharing
  /** Called only when somebody detects. */
  readonly seen: () => Seen
  /** Gets the lease to store its result with. */
  readonly load: (lease: Lease) => Promise<T>
}

/** The read-throughs of one cache. */
export class Loads {
  readonly #owner: object
  readonly #flights = new Flights()

  /** @param owner The cache, whose `detect` is told. */
  constructor(owner: object) {
    this.#owner = owner
  }

  /** Answers the value, or loads it: once, however many ask meanwhile. Nobody joins a load that was invalidated. */
  run<T>(through: ReadThrough<T>): Promise<T> {
    const scope = watchedScope()
    if (scope === undefined) return this.#find(through)?.promise ?? this.#start(through)
    for (const detector of this.#detectors()) detector.expect(through.key)
    // What this caller has switched off must not be switched off for others.
    if (scope.disabling) return this.#watchStart({ ...through, sharing: 'alone' })
    const joined = scope.invalidating ? undefined : this.#find(through)
    return joined ? this.#watchJoin(joined, through) : this.#watchStart(through)
  }

  /** Tells whoever detects. */
  detected(key: string, detection: Detection): void {
    for (const detector of this.#detectors()) detector.record(key, detection)
  }

  #find<T>({ sharing, key }: ReadThrough<T>): Flight<T> | undefined {
    return sharing === 'join' ? this.#flights.find<T>(key) : undefined
  }

  #start<T>(through: ReadThrough<T>, detector?: Detector, onHit?: () => void): Promise<T> {
    const load = (lease: Lease) => readThrough(through, lease, onHit)
    if (through.sharing === 'alone') return load(newLease())
    return this.#flights.start(through.key, load, detector).promise
  }

  async #watchStart<T>(through: ReadThrough<T>): Promise<T> {
    const detector = new Detector(this.#owner)
    let hit = false
    const start = () => this.#start(through, detector, () => (hit = true))
    try {
      return await inWatchedScope({ detectors: [detector] }, start)
    } finally {
      this.#tell(through, detector, { hit })
    }
  }

  async #watchJoin<T>(flight: Flight<T>, through: ReadThrough<T>): Promise<T> {
    try {
      return await flight.promise
    } finally {
      this.#tell(through, flight.detector, { hit: false, shared: true })
    }
  }

  #tell<T>(
    { key, route, seen }: ReadThrough<T>,
    inside: Detector | undefined,
    outcome: Pick<Detection, 'hit' | 'shared'>,
  ): void {
    for (const detector of this.#detectors()) {
      inside?.replay(detector)
      detector.record(key, { ...seen(), backend: route.backend.name, ...outcome })
    }
  }

  #detectors(): readonly Detector[] {
    return watchedScope()?.detectors?.filter(({ owner }) => owner === this.#owner) ?? []
  }
}

async function readThrough<T>(
  { route, key, sharing, load }: ReadThrough<T>,
  lease: Lease,
  onHit?: () => void,
): Promise<T> {
  try {
    const found = await route.dispatch<'get'>({ command: 'get', key, lease })
    if (found === MISS || sharing === 'anew') return await load(lease)
    onHit?.()
    return found as T
  } finally {
    route.release(lease)
  }
}
