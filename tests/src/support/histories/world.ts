import { type Backend, type Cache, createCache, leasesOf } from '@cashews/core'
import { createTags } from '@cashews/tags'
import { TransactionConflictError, transaction } from '@cashews/transactions'
import { type Gate, gate, settle } from '../helpers.ts'
import { PATIENT } from '../patience.ts'
import { type Callable, carryOut, type Functions, functionsOf, HITS, plainKey, TTL } from './functions.ts'
import { type Change as Changed, Ledger, type Made } from './ledger.ts'
import type { Aim, Change, Name, Step } from './step.ts'

/** The strategies that run a function beside another run, or although a result is there. */
const EAGER: ReadonlySet<Name> = new Set(['early', 'hit', 'failover'])
/** How long `soft` does not run again. */
const FRESH = TTL / 3

class UpstreamError extends Error {}

interface Load {
  readonly made: Made
  readonly at: number
  readonly fails: Gate<boolean>
}

/** Two caches on one store, the functions around which are run by hand, and what their users do. */
export class World {
  readonly #ledger = new Ledger(TTL)
  readonly #backends: readonly Backend[]
  readonly #caches: readonly Cache[]
  readonly #functions: readonly Functions[]
  readonly #elapse: (duration: number) => Promise<unknown>
  readonly #loads: Load[] = []
  readonly #transactions: Gate<boolean>[] = []
  readonly #calls = new Set<{ readonly key: string; readonly began: number }>()
  readonly #underWay = new Set<Promise<void>>()
  /** Keys that were loaded although a value was there, beside other loads. */
  readonly #refreshed = new Set<string>()
  #count = 0

  constructor(backends: readonly Backend[], elapse: (duration: number) => Promise<unknown>) {
    this.#backends = backends
    this.#elapse = elapse
    const onError = (error: unknown) => error instanceof UpstreamError || this.#isBroken(`onError got ${error}`)
    this.#caches = backends.map((backend) => createCache({ onError }).setup(backend, PATIENT))
    this.#functions = this.#caches.map((cache, at) => {
      createTags(cache)
      return functionsOf(cache, (aim) => this.#load({ ...aim, at }))
    })
  }

  /** The promises that were broken. */
  get broken(): readonly string[] {
    return this.#ledger.broken
  }

  async play(steps: readonly Step[]): Promise<void> {
    // A client that connects has timeouts of its own, which must not meet a clock that jumps.
    for (const cache of this.#caches) await cache.init()
    await this.#quiet()
    for (const step of steps) {
      await this.#take(step)
      if (step.pause === Infinity) await this.#quiet()
      else for (let turn = 0; turn < step.pause; turn++) await Promise.resolve()
    }
    await this.#end()
  }

  async close(): Promise<void> {
    for (const cache of this.#caches) await cache.close()
  }

  async #take(step: Step): Promise<unknown> {
    if ('elapse' in step) return this.#elapse(step.elapse)
    if ('call' in step) return this.#follow(this.#call(step))
    if ('mode' in step) return this.#follow(this.#transact(step))
    if ('change' in step) return this.#follow(this.#change(step))
    const open = step.end === 'load' ? this.#loads.map(({ fails }) => fails) : this.#transactions
    open[step.nth % open.length]?.open(step.fails)
  }

  /** Lets everything end, and looks at what is left. */
  async #end(): Promise<void> {
    for (let round = 0; round < 2 || (round < 5_000 && this.#underWay.size + this.#loads.length > 0); round++) {
      for (const { fails } of this.#loads) fails.open(false)
      for (const fails of this.#transactions) fails.open(false)
      await this.#quiet()
      await this.#elapse(500)
    }
    if (this.#underWay.size > 0) this.#isBroken(`${this.#underWay.size} promises never settle`)
    if (!this.#backends.every((backend) => leasesOf(backend).isIdle)) this.#isBroken('a lease is left')
    const cache = this.#caches[0] as Cache
    if ((await cache.isLocked('lock:once:1')) || (await cache.isLocked('lock:once:2'))) this.#isBroken('a lock is left')
    if ((await cache.get('counter', 0)) !== this.#count) this.#isBroken(`the counter is not ${this.#count}`)
  }

  async #quiet(): Promise<void> {
    await settle()
    await this.#elapse(0)
  }

  #follow(work: Promise<unknown>): void {
    const followed = work
      .catch((error) => error instanceof UpstreamError || this.#isBroken(`a promise is rejected: ${error}`))
      .then(() => void this.#underWay.delete(followed))
    this.#underWay.add(followed)
  }

  #isBroken(promise: string): void {
    this.#ledger.broken.push(promise)
  }

  #keyOf({ at, name, id }: Aim): string {
    return this.#functions[at]?.[name].key(id) as string
  }

  /** The function behind every strategy: it ends when the history says so. */
  async #load(aim: Aim): Promise<string> {
    const key = this.#keyOf(aim)
    const asked = Math.min(...[...this.#calls].filter((call) => call.key === key).map(({ began }) => began))
    this.#judgeLoad(aim, key, asked)
    const load = { made: this.#ledger.make(key, asked), at: aim.at, fails: gate<boolean>() }
    this.#loads.push(load)
    const fails = await load.fails.promise
    this.#loads.splice(this.#loads.indexOf(load), 1)
    this.#ledger.end(load.made)
    if (fails) throw new UpstreamError(load.made.value)
    return load.made.value
  }

  /** Judges a load by those under way, and by what is stored. */
  #judgeLoad({ at, name }: Aim, key: string, asked: number): void {
    const others = this.#loads.filter(({ made }) => made.key === key)
    if (name === 'once' && others.length > 0) this.#isBroken(`${key} is loaded twice in spite of its lock`)
    if (EAGER.has(name) || this.#refreshed.has(key)) return
    const values = this.#ledger.of(key)
    const isOvertaken = ({ made }: Load) =>
      this.#ledger.isChanged(key, made.asked) ||
      values.some(({ began, ended }) => began > made.began && ended < Infinity)
    if (others.some((other) => other.at === at && !isOvertaken(other)))
      this.#isBroken(`${key} is loaded twice at a time`)
    const last = values.findLast(({ answered }) => answered < asked)
    if (last && Date.now() < last.beganAt + FRESH && !this.#ledger.isChanged(key, last.asked))
      this.#isBroken(`${key} is loaded although ${last.value} is there`)
  }

  async #call(step: Extract<Step, { call: unknown }>): Promise<void> {
    const key = step.call === 'get' ? plainKey(step) : this.#keyOf(step)
    const asked = this.#ledger.ask()
    const call = { key, began: asked.began }
    this.#calls.add(call)
    try {
      const made = this.#ledger.answer(key, await this.#answer(step, key, asked.began), asked)
      if (step.name === 'hit' && made && made.uses > HITS) this.#isBroken(`${made.value} is used ${made.uses} times`)
      // A refresh whose key was changed meanwhile is not stored.
      if (step.call === 'refresh' && made && !this.#ledger.isChanged(key, asked.began))
        this.#ledger.change('a refresh', (one) => one === key, made.began).ended = this.#ledger.next()
    } finally {
      this.#calls.delete(call)
    }
  }

  async #answer(
    { at, name, id, call }: Extract<Step, { call: unknown }>,
    key: string,
    asked: number,
  ): Promise<unknown> {
    const cache = this.#caches[at] as Cache
    const fn = this.#functions[at]?.[name] as Callable
    if (call === 'get') return cache.get(key)
    if (call === 'call') return fn(id)
    if (call === 'refresh') {
      this.#refreshed.add(key)
      return fn.refresh(id)
    }
    const { result, calls } = await cache.detect(() => fn(id))
    const told = calls[key]?.at(-1)
    const isOld = this.#ledger.of(key).some(({ value, began }) => value === result && began < asked)
    if (told === undefined || (isOld && !told.hit && !told.shared)) this.#isBroken(`detect tells no hit of ${result}`)
    return result
  }

  async #change(step: Change): Promise<void> {
    const { made, affects, perform } = this.#plan(step)
    const changed = this.#ledger.change(step.change, affects)
    await perform()
    this.#hasChanged(step, made, changed)
  }

  /** Changes in a transaction, which others see once it has begun to commit. */
  async #transact(step: Extract<Step, { mode: unknown }>): Promise<void> {
    const fails = gate<boolean>()
    this.#transactions.push(fails)
    let made: readonly Made[] = []
    let changed: Changed | undefined
    const undo = () => {
      for (const one of made) one.began = Infinity
      if (changed) this.#ledger.takeBack(changed)
    }
    const run = async () => {
      undo()
      const plan = this.#plan(step)
      made = plan.made
      for (const one of made) one.began = Infinity
      await plan.perform()
      if (await fails.promise) throw new UpstreamError()
      changed = this.#ledger.change(`a transaction, ${step.change}`, plan.affects)
      for (const one of made) one.began = this.#ledger.next()
    }
    try {
      await transaction(this.#caches[step.at] as Cache, run, { mode: step.mode, timeout: '1h', phantoms: true })
      this.#hasChanged(step, made, changed as Changed)
    } catch (error) {
      undo()
      if (!(error instanceof TransactionConflictError)) throw error
    }
  }

  #hasChanged({ change }: Change, made: readonly Made[], changed: Changed): void {
    for (const one of made) this.#ledger.end(one)
    changed.ended = this.#ledger.next()
    if (change === 'incr') this.#count++
  }

  /** What a change makes, which keys it affects, and how to carry it out. */
  #plan(step: Change): { made: readonly Made[]; affects: Changed['affects']; perform: () => Promise<unknown> } {
    const { at, name, id, change } = step
    const cache = this.#caches[at] as Cache
    if (change === 'incr') return { made: [], affects: () => false, perform: () => cache.incr('counter') }
    if (change === 'set') {
      const made = this.#ledger.make(plainKey(step))
      const perform = () => cache.set(made.key, made.value, { ttl: '10s', tags: [id] })
      return { made: [made], affects: (key) => key === made.key, perform }
    }
    const isWide = change === 'deleteMatch' || change === 'deleteTag'
    const affects = (key: string) => (isWide ? key.endsWith(`:${id}`) : key === this.#keyOf(step))
    return { made: [], affects, perform: () => carryOut(cache, step, this.#functions[at]?.[name] as Callable) }
  }
}
