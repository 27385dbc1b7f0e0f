import { type Awaitable, chain, checkText, type Milliseconds, type Sets } from '@cashews/core'
import type { ShardFile } from '../files/shard-file.ts'
import type { Shards } from '../files/shards.ts'
import { endOf, KIND, pick } from '../values/entry.ts'
import { ofKind } from './kinds.ts'

/** Sets, with a row for each member. */
export class DiskSets implements Sets {
  readonly #shards: Shards

  constructor(shards: Shards) {
    this.#shards = shards
  }

  add(key: string, members: readonly string[], lifetime?: Milliseconds): Awaitable<number> {
    for (const member of members) checkText('member', member)
    return this.#shards.of(key).write((file) => {
      const entry = ofKind(key, file.find(key), KIND.set)
      const ref = entry?.ref ?? pick()
      let added = 0
      for (const member of members) {
        added += file.run('INSERT OR IGNORE INTO members VALUES (?, ?)', ref, member)
        file.wrote(member.length)
      }
      const expiresAt = lifetime === undefined ? (entry?.expiresAt ?? null) : endOf(lifetime, file.now())
      const changed = added > 0 || (lifetime !== undefined && entry !== undefined)
      if (changed) file.put({ key, kind: KIND.set, expiresAt, ref, sum: 0, value: null })
      return added
    })
  }

  remove(key: string, members: readonly string[]): Awaitable<number> {
    const removed = this.#shrink(key, (file, ref) =>
      members.filter((member) => file.run('DELETE FROM members WHERE ref = ? AND member = ?', ref, member) === 1),
    )
    return chain(removed, ({ length }) => length)
  }

  pop(key: string, count: number): Awaitable<string[]> {
    return this.#shrink(key, (file, ref) => {
      const some = file.all<{ member: string }>('SELECT member FROM members WHERE ref = ? LIMIT ?', ref, count)
      for (const { member } of some) file.run('DELETE FROM members WHERE ref = ? AND member = ?', ref, member)
      return Array.from(some, ({ member }) => member) // the driver may be of another realm, and so its list
    })
  }

  /** Removes members from a set; the key goes with the last one. */
  #shrink(key: string, take: (file: ShardFile, ref: number) => string[]): Awaitable<string[]> {
    return this.#shards.of(key).write((file) => {
      const entry = ofKind(key, file.find(key), KIND.set)
      if (entry === undefined || entry.ref === null) return []
      const taken = take(file, entry.ref)
      if (taken.length === 0) return taken
      const isEmpty = file.get('SELECT 1 FROM members WHERE ref = ? LIMIT 1', entry.ref) === undefined
      if (isEmpty) file.delete(key)
      else file.renew(entry, entry.expiresAt)
      return taken
    })
  }
}
