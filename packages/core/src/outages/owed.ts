import type { Backend } from '../backend.ts'
import type { Awaitable } from '../basics/awaitable.ts'
import { compileGlob } from '../basics/glob.ts'
import { perform } from '../calls/commands.ts'
import type { Call, Request } from '../command.ts'
import { deleteScanned, voidAndDelete } from '../defaults/scanned.ts'

/** The commands by which callers say that something is out of date. */
export type Invalidation =
  | Request<'clear' | 'deleteMany' | 'deleteTags' | 'expireTags'>
  | { readonly command: 'deleteMatch'; readonly patterns: readonly string[] }

/** Carries out an invalidation. */
export function carryOut(call: Invalidation, backend: Backend): Awaitable<unknown> {
  return call.command === 'deleteMatch' ? deleteMatches(call.patterns, backend) : perform({ ...call, backend })
}

/** Many patterns share one scan: with a scan for each, the store would be skipped for minutes longer. */
async function deleteMatches(patterns: readonly string[], backend: Backend): Promise<void> {
  const [only = ''] = patterns
  if (patterns.length === 1) return void (await backend.deleteMatch(only))
  const tests = patterns.map(compileGlob)
  const remove = (keys: readonly string[]) =>
    backend.deleteMany(keys.filter((key) => tests.some((matches) => matches(key))))
  await voidAndDelete(backend.leases, '*', () => deleteScanned(backend, '*', remove))
}

/** How many names of each kind are kept. */
const MOST = 100_000

/** The invalidations that a store may not have heard of, each once. */
export class Owed {
  /** How many were lost because there was no room. */
  lost = 0
  readonly #keys = new Set<string>()
  readonly #patterns = new Set<string>()
  readonly #deletedTags = new Set<string>()
  readonly #expiredTags = new Set<string>()
  readonly #names = [this.#keys, this.#patterns, this.#deletedTags, this.#expiredTags]
  #isAll = false

  get isEmpty(): boolean {
    return !this.#isAll && this.#names.every(({ size }) => size === 0)
  }

  /** Notes a call, and returns whether it is an invalidation. */
  add(call: Call | Invalidation): boolean {
    switch (call.command) {
      case 'delete':
        return this.#note(this.#keys, [call.key])
      case 'deleteMany':
        return this.#note(this.#keys, call.keys)
      case 'deleteMatch':
        return this.#note(this.#patterns, 'patterns' in call ? call.patterns : [call.pattern])
      case 'deleteTags':
        return this.#note(this.#deletedTags, call.tags)
      case 'expireTags':
        return this.#note(this.#expiredTags, call.tags)
      case 'clear':
        this.#isAll = true
        return true
      default:
        return false
    }
  }

  /** Forgets keys that the store has replaced or deleted since. */
  heed(call: Call): void {
    if (this.#keys.size === 0) return
    if (call.command === 'setMany') for (const [key] of call.entries) this.#keys.delete(key)
    if (call.command === 'delete' || call.command === 'setRaw' || (call.command === 'set' && call.exists === undefined))
      this.#keys.delete(call.key)
  }

  /** Hands over everything that is owed, in as few calls as possible. */
  take(): Invalidation[] {
    const calls: Invalidation[] = []
    if (this.#keys.size > 0) calls.push({ command: 'deleteMany', keys: [...this.#keys] })
    if (this.#deletedTags.size > 0) calls.push({ command: 'deleteTags', tags: [...this.#deletedTags] })
    if (this.#expiredTags.size > 0) calls.push({ command: 'expireTags', tags: [...this.#expiredTags] })
    // Last, as they visit all keys.
    if (this.#patterns.size > 0) calls.push({ command: 'deleteMatch', patterns: [...this.#patterns] })
    if (this.#isAll) calls.push({ command: 'clear' })
    this.#isAll = false
    for (const names of this.#names) names.clear()
    return calls
  }

  #note(names: Set<string>, more: readonly string[]): true {
    for (const name of more)
      if (names.size < MOST || names.has(name)) names.add(name)
      else this.lost++
    return true
  }
}
