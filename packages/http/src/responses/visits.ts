import { type Awaitable, type Engine, type Lease, outsideScope } from '@cashews/core'
import type { Forward } from '../rules/cache-status.ts'
import { entityTag } from '../rules/etag.ts'
import { type Fields, lineOf } from '../rules/field.ts'
import { variantOf } from '../rules/vary.ts'
import type { Ask } from './ask.ts'
import { type Ending, Recorder } from './recorder.ts'
import type { ResponseCacheOptions } from './response-options.ts'
import type { Found, ResponseStore } from './response-store.ts'
import type { ResponseTallies } from './response-tallies.ts'
import { removedFields, type StoredResponse, storedFields } from './stored-response.ts'
import type { Plan } from './storing-rules.ts'

/** A request that goes to the handler. */
export interface Visit {
  readonly forward: Forward
  /** Request fields that revalidate the stored response. */
  readonly conditions?: Readonly<Record<string, string>> | undefined
  /** Records the response; absent when it will not be stored in any case. */
  readonly recorder?: Recorder | undefined
  readonly ask?: Ask
  readonly found?: Found
  /** The header as it was before the handler ran. */
  before?: Fields
  /** How the response will be stored, once it is known that it may be. */
  plan?: Plan
}

/** A visit that is recorded. */
export type RecordedVisit = Visit & Required<Pick<Visit, 'ask' | 'found'>> & { readonly recorder: Recorder }

/**
 * The outcome of waiting for another response: that response, or how to continue: `again` from the start, or `alone`.
 */
export type Shared = StoredResponse | 'again' | 'alone'

/** What was recorded, or why nothing was. */
type Outcome = Recorded | Exclude<Ending, 'whole'>

/** A visit that others may wait for. */
interface Load {
  readonly recorder: Recorder
  /** Absent until it was granted. */
  readonly lease: Lease | undefined
  /** Never rejects. */
  readonly done: Promise<Outcome>
}

interface Recorded {
  readonly response: StoredResponse
  readonly names: readonly string[]
  readonly ask: Ask
  /** Whether another process has invalidated it while the handler ran. */
  readonly isOvertaken: boolean
}

/**
 * The visits under way whose responses are recorded: they fill the store, and whoever asks for the same meanwhile
 * waits.
 */
export class Visits {
  readonly #engine: Engine
  readonly #store: ResponseStore
  readonly #tallies: ResponseTallies
  readonly #maxBytes: number
  readonly #tags: ResponseCacheOptions['tags']
  readonly #underWay = new Map<string, Load>()
  /** The refreshes that are still storing; their responses end earlier. */
  readonly #saving = new Map<string, Promise<unknown>>()

  constructor(
    engine: Engine,
    store: ResponseStore,
    tallies: ResponseTallies,
    { maxBytes = 1024 ** 2, tags }: ResponseCacheOptions,
  ) {
    this.#engine = engine
    this.#store = store
    this.#tallies = tallies
    this.#maxBytes = maxBytes
    this.#tags = tags
  }

  /** Waits for the response to another request for the same; `undefined` when none is under way. */
  share(ask: Ask, { place }: Found): Promise<Shared> | undefined {
    const other = this.#underWay.get(place)
    return other && !other.lease?.broken ? this.#wait(ask, place, other) : undefined
  }

  /** Resolves when the refresh of a place has been stored. */
  async saved(place: string): Promise<void> {
    await this.#saving.get(place)
  }

  /**
   * Takes the lease for a visit, so that nothing is stored that is invalidated from now on, and starts its recording.
   *
   * @param isAwaited Whether others may wait for the response.
   */
  record(visit: Omit<RecordedVisit, 'recorder'>, isAwaited: boolean): Awaitable<RecordedVisit> {
    const { ask, found } = visit
    const recorded = { ...visit, recorder: new Recorder(this.#maxBytes) }
    const { promise: leased, resolve: goOn } = Promise.withResolvers<void>()
    let lease: Lease | undefined
    const done = this.#load(recorded, (granted) => {
      lease = granted
      goOn()
    })
    if (isAwaited) {
      const load: Load = {
        recorder: recorded.recorder,
        done,
        get lease() {
          return lease
        },
      }
      this.#underWay.set(found.place, load)
      done.then(() => this.#noLonger(load, found.place))
    }
    if (ask.isRefresh) {
      this.#saving.set(found.place, done)
      done.then(() => this.#saving.delete(found.place))
    }
    if (lease) return recorded
    done.then(() => goOn()) // Without a lease, the handler answers all the same.
    return leased.then(() => recorded)
  }

  /** Takes a lease, waits for the end of the recording, and stores the response. Reports a failure. */
  async #load(visit: RecordedVisit, onLease: (lease: Lease) => void): Promise<Outcome> {
    const { ask, found, forward, recorder } = visit
    const { template } = this.#tallies.of(ask.request)
    const ahead = typeof this.#tags === 'function' ? 'any' : this.#tags
    try {
      return await outsideScope(() =>
        this.#engine.fly<Outcome>(
          { key: this.#store.leaseKeyOf(ask, found), self: undefined, args: [], signal: undefined },
          {
            sharing: 'apart',
            seen: () => ({ strategy: 'response', template }),
            tags: ahead && (() => ahead),
            load: async (flight) => {
              flight.reason = ask.isRefresh || forward === 'request' ? 'refresh' : 'miss'
              onLease(flight.lease)
              const ending = (await this.#engine.run(template, () => recorder.ended)) as Ending
              if (ending !== 'whole') return ending
              const saved = await this.#save(visit, flight.lease)
              return { ...saved, isOvertaken: !(await this.#engine.holds(flight)) }
            },
          },
        ),
      )
    } catch (error) {
      this.#engine.report(error)
      recorder.refuse()
      return 'refused'
    }
  }

  async #wait(ask: Ask, place: string, other: Load): Promise<Shared> {
    const done = await Promise.race([other.done, other.recorder.overdue])
    if (done === 'aborted') return 'again'
    if (done === 'again' || done === 'alone') {
      this.#noLonger(other, place)
      return done
    }
    if (done === 'refused' || placeIn(done.names, done.ask) !== placeIn(done.names, ask)) return 'alone'
    // Who came after the invalidation must not get what is older; those who came before cannot be told apart.
    return done.isOvertaken && !ask.isRepeated ? 'again' : done.response
  }

  /** Makes later requests no longer wait for a load. */
  #noLonger(load: Load, place: string): void {
    if (this.#underWay.get(place) === load) this.#underWay.delete(place)
  }

  async #save(
    { ask, found, plan, before = {}, recorder }: RecordedVisit,
    lease: Lease,
  ): Promise<Omit<Recorded, 'isOvertaken'>> {
    const { policy, names, lifetime, tags, saysItself } = plan as Plan
    const { fields, body } = recorder.whole
    const tag =
      policy.status === 200 && fields.etag === undefined
        ? { etag: entityTag(body, lineOf(fields['content-type'])) }
        : {}
    const response: StoredResponse = {
      ...policy,
      saysItself,
      fields: { ...storedFields(fields, before), ...tag },
      removed: removedFields(fields, before),
      body,
    }
    await this.#store.store(ask, found, { response, names, lifetime, lease, tags })
    return { response, names, ask }
  }
}

function placeIn(names: readonly string[], { request, identity }: Ask): string {
  return variantOf(names, request.fields, identity)
}
