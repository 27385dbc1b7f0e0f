import { type Backend, type Bits, type Content, MISS, type Sets, type Windows } from '../../backend.ts'
import { type Awaitable, chain, recover } from '../../basics/awaitable.ts'
import { WrongTypeError } from '../../errors.ts'
import { nextTry } from '../update.ts'
import type { TaggedReads } from './tagged-reads.ts'
import type { TaggableBase } from './tagged-store.ts'

/** The groups of {@link Backend} for keys of other kinds. */
type Kinds = { readonly [K in 'bits' | 'windows' | 'sets']: Backend[K] | undefined }

/**
 * The store's own groups, for which a value with deleted tags is absent too. The store does not know that, and refuses
 * the key because it holds a value: only then the tags are checked.
 */
export function kindsOver(base: TaggableBase, reads: TaggedReads): Kinds {
  /** @param absent The answer for an absent key, of a command that changes nothing then. */
  const attempt = <T>(
    kind: Content['kind'],
    key: string,
    command: () => Awaitable<T>,
    absent?: () => T,
    tries = 1,
  ): Awaitable<T> =>
    recover(command, (error) => {
      if (!(error instanceof WrongTypeError)) throw error
      return chain(reads.look(key), ({ found, seen }) => {
        const isDead = seen === MISS && found !== MISS
        // Others may have deleted the key meanwhile, or replaced it by one of the right kind.
        const mayWork = isDead || (tries === 1 && (seen === MISS || seen.content?.kind === kind))
        if (!mayWork) throw error
        if (isDead && absent) return absent()
        const removed = isDead && base.apply([{ key, stamp: found.stamp }], [{ op: 'delete', key }])
        return chain(removed, () => attempt(kind, key, command, absent, nextTry(key, tries)))
      })
    })

  const bitsOver = (bits: Bits): Bits => ({
    ...(bits.now && { now: (key) => bits.now?.(key) }),
    get: (key, indexes, size) =>
      attempt(
        'bits',
        key,
        () => bits.get(key, indexes, size),
        () => indexes.map(() => 0),
      ),
    incr: (key, ...change) => attempt('bits', key, () => bits.incr(key, ...change)),
  })
  const windowsOver = (windows: Windows): Windows => ({
    incr: (key, slice) => attempt('window', key, () => windows.incr(key, slice)),
  })
  const setsOver = (sets: Sets): Sets => ({
    add: (key, ...members) => attempt('set', key, () => sets.add(key, ...members)),
    remove: (key, members) =>
      attempt(
        'set',
        key,
        () => sets.remove(key, members),
        () => 0,
      ),
    pop: (key, count) =>
      attempt(
        'set',
        key,
        () => sets.pop(key, count),
        () => [],
      ),
  })
  const { bits, windows, sets } = base
  return {
    bits: bits && bitsOver(bits),
    windows: windows && windowsOver(windows),
    sets: sets && setsOver(sets),
  }
}
