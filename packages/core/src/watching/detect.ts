import { getOrMake } from '../basics/get-or-make.ts'
import type { Reason } from '../scope/outcome.ts'

/** What a strategy did for one call. */
export interface Detection {
  /** The strategy that answered, such as `cached`. */
  readonly strategy: string
  /** The key template, or the name that stands for a key function. */
  readonly template?: string
  /** The time to live that the result is stored with, in seconds; absent while unknown. */
  readonly ttl?: number | undefined
  /** The name of the backend. */
  readonly backend: string
  /** Whether the answer came from the cache. */
  readonly hit: boolean
  /** Whether the answer came from a load that another caller had started. */
  readonly shared?: boolean | undefined
  /** Whether the answer is older than the strategy wants it to be. */
  readonly stale?: boolean | undefined
  /** Why the value was computed. Absent if it was not. */
  readonly reason?: Reason | undefined
  /** How long ago the answer was stored, in seconds; absent if unknown. */
  readonly age?: number | undefined
  /** How much longer the answer is kept, in seconds; absent if it is not stored, or if unknown. */
  readonly left?: number | undefined
}

/** What was detected. */
export interface Detections {
  /** What happened to each key, in order. */
  readonly calls: Readonly<Record<string, readonly Detection[]>>
  /** The keys that were asked for, in order of their first use. */
  readonly keys: readonly string[]
}

/** What `detect` answers. */
export interface Detected<T> extends Detections {
  /** What the function answered. */
  readonly result: T
}

/** Collects the detections of one cache during one `detect`. */
export class Detector {
  readonly owner: object
  readonly #calls = new Map<string, Detection[]>()
  readonly #told = new Set<Detector>()

  constructor(owner: object) {
    this.owner = owner
  }

  /** Notes that a key was used, before the outcome is known. */
  expect(key: string): Detection[] {
    return getOrMake(this.#calls, key, () => [])
  }

  record(key: string, detection: Detection): void {
    const known = Object.entries(detection).filter(([, fact]) => fact !== undefined)
    this.expect(key).push(Object.fromEntries(known) as unknown as Detection)
  }

  /** Passes everything on to another detector, once. */
  replay(to: Detector): void {
    if (this.#told.has(to)) return
    this.#told.add(to)
    for (const [key, detections] of this.#calls) for (const detection of detections) to.record(key, detection)
  }

  /** What was detected so far. */
  report(): Detections {
    const calls: Record<string, readonly Detection[]> = Object.create(null)
    for (const [key, detections] of this.#calls) if (detections.length > 0) calls[key] = [...detections]
    return { calls, keys: Object.keys(calls) }
  }
}
