import { type Cache, createCache } from '@cashews/core'
import { cached } from '@cashews/strategies'
import { type CacheTags, createTags } from '@cashews/tags'
import { outsideTransaction, TransactionConflictError, type TransactionMode, transaction } from '@cashews/transactions'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stores } from './support/backends.ts'
import { type Gate, gate } from './support/helpers.ts'
import { PATIENT } from './support/patience.ts'

const KEYS = ['a', 'b']
const TAG = 't'

/** One command, inside the transaction or concurrent with it. */
interface Step {
  readonly inside: boolean
  readonly what: 'set' | 'tagged' | 'delete' | 'match' | 'tag' | 'change' | 'begin' | 'end' | 'get'
  readonly key: string
}

const step: fc.Arbitrary<Step> = fc.record({
  inside: fc.boolean(),
  what: fc.oneof(
    fc.constantFrom('set', 'tagged', 'delete', 'match', 'tag', 'get'),
    fc.constantFrom('change', 'begin', 'end'),
  ),
  key: fc.oneof({ weight: 3, arbitrary: fc.constant('a') }, { weight: 1, arbitrary: fc.constant('b') }),
})

/** A cache, the database that its functions read, and the expected values of plain keys. */
class World {
  readonly database = new Map<string, number>(KEYS.map((key) => [key, 0]))
  /** The values of plain keys outside the transaction, and whether they have the tag. */
  readonly held = new Map<string, { readonly value: number; readonly tagged: boolean }>()
  /** The values that the transaction has written; `undefined` for a deleted key. */
  readonly own = new Map<string, { readonly value: number; readonly tagged: boolean } | undefined>()
  dropsTag = false
  /** Whether the transaction has deleted by pattern. */
  dropsMatches = false
  readonly #cache: Cache
  readonly #tags: CacheTags
  #loads: { readonly inside: boolean; readonly ended: Promise<unknown> }[] = []
  /** Gates that the loads wait for. */
  #waiting: Gate[] = []
  #isFree = false
  #last = 0

  constructor(cache: Cache) {
    this.#cache = cache
    this.#tags = createTags(cache)
  }

  readonly load = (cache: Cache) =>
    cached(cache, { ttl: '1h', key: 'load:{0}', tags: [TAG] }, async (key: string) => {
      const found = this.database.get(key)
      if (!this.#isFree) {
        const opened = gate()
        this.#waiting.push(opened)
        await opened.promise
      }
      return found
    })

  async run({ inside, what, key }: Step, load: (key: string) => Promise<unknown>): Promise<void> {
    const value = ++this.#last
    const plain = `plain:${key}`
    if (what === 'set' || what === 'tagged') {
      const tagged = what === 'tagged'
      await this.#cache.set(plain, value, { ttl: '1h', ...(tagged && { tags: [TAG] }) })
      this.#write(inside, plain, { value, tagged })
    } else if (what === 'delete') {
      await this.#cache.delete(plain)
      this.#write(inside, plain, undefined)
    } else if (what === 'match') {
      await this.#cache.deleteMatch('plain:*')
      if (inside) this.dropsMatches = true
      for (const name of KEYS)
        if (this.#isThere(inside, `plain:${name}`)) this.#write(inside, `plain:${name}`, undefined)
    } else if (what === 'tag') {
      await this.#tags.delete(TAG)
      this.#dropTag(inside)
    } else if (what === 'change') {
      this.database.set(key, value)
      await this.#cache.delete(`load:${key}`)
    } else if (what === 'begin') {
      this.#loads.push({ inside, ended: load(key) })
      await this.#cache.get('nothing')
    } else if (what === 'end') await this.end(inside)
    else if (inside && this.own.has(plain)) expect(await this.#cache.get(plain)).toBe(this.own.get(plain)?.value)
    else if (!inside) expect(await this.#cache.get(plain)).toBe(this.held.get(plain)?.value)
  }

  /** Lets the loads that are under way end. */
  async end(inside: boolean): Promise<void> {
    this.#isFree = true
    for (const opened of this.#waiting) opened.open()
    this.#waiting = []
    await Promise.all(this.#loads.map((load) => load.inside === inside && load.ended))
    this.#loads = this.#loads.filter((load) => load.inside !== inside)
    this.#isFree = false
  }

  /** The expected values of plain keys after a commit, or without one. */
  outcome(committed: boolean): Map<string, number | undefined> {
    return new Map(
      KEYS.map((key) => {
        const plain = `plain:${key}`
        const held = this.held.get(plain)
        if (!committed) return [plain, held?.value]
        if (this.own.has(plain)) return [plain, this.own.get(plain)?.value]
        return [plain, this.dropsMatches || (this.dropsTag && held?.tagged) ? undefined : held?.value]
      }),
    )
  }

  /** Deletes by pattern. In the transaction that includes what others write until the commit. */
  #isThere(inside: boolean, key: string): boolean {
    if (inside && this.own.has(key)) return this.own.get(key) !== undefined
    const held = this.held.get(key)
    return held !== undefined && !(inside && this.dropsTag && held.tagged)
  }

  #write(
    inside: boolean,
    key: string,
    written: { readonly value: number; readonly tagged: boolean } | undefined,
  ): void {
    if (inside) this.own.set(key, written)
    else if (written) this.held.set(key, written)
    else this.held.delete(key)
  }

  #dropTag(inside: boolean): void {
    const there = inside ? this.own : this.held
    for (const [key, written] of there) if (written?.tagged) this.#write(inside, key, undefined)
    if (inside) this.dropsTag = true
  }
}

async function play(cache: Cache, mode: TransactionMode, steps: readonly Step[], fails: boolean): Promise<void> {
  const world = new World(cache)
  const load = world.load(cache)
  let committed = !fails
  const failure = new Error('the function fails')
  await transaction(
    cache,
    async () => {
      for (const step of steps) {
        if (step.inside) await world.run(step, load)
        else await outsideTransaction(() => world.run(step, load))
      }
      await world.end(true)
      if (fails) throw failure
    },
    { mode, tries: 1, phantoms: true },
  ).catch((error) => {
    if (error !== failure && !(error instanceof TransactionConflictError)) throw error
    committed = false
  })
  await world.end(false)
  const expected = world.outcome(committed)
  expect(
    new Map(await Promise.all([...expected.keys()].map(async (key) => [key, await cache.get(key)] as const))),
  ).toEqual(expected)
  // Each change in the database was invalidated, those of the transaction only if it has committed.
  const isLost = (key: string) =>
    !committed && steps.some((one) => one.inside && one.what === 'change' && one.key === key)
  for (const key of KEYS) {
    const stored = await cache.get(`load:${key}`)
    if (stored !== undefined && !isLost(key)) expect([key, stored]).toEqual([key, world.database.get(key)])
  }
}

describe.each(stores)('transactions among other commands on $name', ({ create, isInProcess }) => {
  it.each(['fast', 'locked', 'serializable'] as const)('leave the expected values when they are %s', async (mode) => {
    const cache = createCache().setup(create(), PATIENT)
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 14 }),
      fc.boolean(),
      async (steps, fails) => {
        await cache.clear()
        await play(cache, mode, steps, fails)
      },
    )
    await fc.assert(property, { numRuns: isInProcess ? 75 : 30, seed: 6, endOnFailure: false })
    await cache.close()
  })
})
