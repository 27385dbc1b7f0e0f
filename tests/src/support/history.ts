import type { Cache } from '@cashews/core'
import { type TransactionMode, transaction } from '@cashews/transactions'

/** What one committed transaction has read and overwritten. Each value is the id of the transaction that wrote it. */
export interface Deed {
  readonly id: string
  readonly reads: Readonly<Record<string, string>>
  readonly writes: Readonly<Record<string, string>>
}

/** The initial value of every key. */
export const NOBODY = 'nobody'

/** Runs transactions one after another, each on a few random keys, and returns what the committed ones did. */
export async function makeHistory(
  cache: Cache,
  name: string,
  { keys, runs, mode }: { readonly keys: readonly string[]; readonly runs: number; readonly mode: TransactionMode },
): Promise<Deed[]> {
  const deeds: Deed[] = []
  for (let run = 0; run < runs; run++) {
    const id = `${name}/${run}`
    const chosen = [...keys].sort(() => Math.random() - 0.5).slice(0, 3)
    const deed = await transaction(
      cache,
      async () => {
        const reads: Record<string, string> = {}
        const writes: Record<string, string> = {}
        for (const [at, key] of chosen.entries()) {
          reads[key] = (await cache.get<string>(key)) ?? NOBODY
          if (at !== 0) continue
          await cache.set(key, id)
          writes[key] = id
        }
        return { id, reads, writes }
      },
      { mode, tries: 1_000 },
    )
    deeds.push(deed)
  }
  return deeds
}

/**
 * Checks that transactions are serializable: that the order forced by their reads and writes has no cycle (Adya, "Weak
 * Consistency", 1999, §3). Returns a description of the anomaly, if there is one.
 */
export function anomalyOf(deeds: readonly Deed[]): string | undefined {
  const successors = new Map<string, string>()
  for (const { id, reads, writes } of deeds)
    for (const key of Object.keys(writes)) {
      const version = `${key}=${reads[key]}`
      const rival = successors.get(version)
      if (rival) return `a lost update: ${rival} and ${id} both wrote over ${version}`
      successors.set(version, id)
    }
  const after = new Map<string, Set<string>>(deeds.map(({ id }) => [id, new Set()]))
  for (const { id, reads } of deeds)
    for (const [key, value] of Object.entries(reads)) {
      if (value !== NOBODY && !after.has(value)) return `${id} read ${key}=${value}, which nobody has committed`
      if (value !== NOBODY) after.get(value)?.add(id)
      const next = successors.get(`${key}=${value}`)
      if (next !== undefined && next !== id) after.get(id)?.add(next)
    }
  return ringIn(after)
}

function ringIn(after: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  const state = new Map<string, 'open' | 'done'>()
  const path: string[] = []
  const visit = (id: string): string | undefined => {
    if (state.get(id) === 'done') return undefined
    if (state.get(id) === 'open') return `a ring: ${[...path.slice(path.indexOf(id)), id].join(' before ')}`
    state.set(id, 'open')
    path.push(id)
    for (const next of after.get(id) ?? []) {
      const ring = visit(next)
      if (ring) return ring
    }
    path.pop()
    state.set(id, 'done')
    return undefined
  }
  for (const id of after.keys()) {
    const ring = visit(id)
    if (ring) return ring
  }
  return undefined
}
