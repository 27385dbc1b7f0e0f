import {
  type Backend,
  type BackendBase,
  type Content,
  type Expectation,
  type KindWrite,
  type LockExpectation,
  MISS,
  type Miss,
  type Snapshot,
  type Write,
} from '../backend.ts'
import { type Awaitable, all, chain } from '../basics/awaitable.ts'
import { BackendError } from '../errors.ts'
import { contentOf, keptAs } from './kind.ts'
import { freeing, locking, lockKey } from './locks.ts'

type Store = BackendBase & Partial<Pick<Backend, 'bits' | 'windows' | 'sets' | 'locks'>>
type Expected = Expectation | LockExpectation

/** A lock that was renewed this often between a read and a write is not contended: the store is broken. */
const MOST_TRIES = 100

const GROUP = { bits: 'bits', set: 'sets', window: 'windows' } as const

/** Makes an `apply` for locks and keys of other kinds, from one for values only. */
export function defaultApply(store: Store): Backend['apply'] {
  const asWrite = (write: Write | KindWrite): Write => {
    if (write.op === 'put' && !store[GROUP[write.content.kind]])
      return { op: 'set', key: write.key, value: keptAs(write.content), lifetime: write.lifetime }
    if (write.op === 'lock' && !store.locks) return locking(write)
    if (write.op === 'unlock' && !store.locks) return freeing(write)
    return write as Write
  }
  const isOurs = (expected: Expected): expected is LockExpectation => 'lock' in expected && !store.locks

  const attempt = (expectations: readonly Expected[], writes: readonly Write[], tries: number): Awaitable<boolean> => {
    const locks = expectations.filter(isOurs)
    const look = () => all(locks.map(({ lock }) => store.inspect(lockKey(lock))))
    return chain(look(), (found) => {
      if (!locks.every(({ token }, at) => holderOf(found[at] as Snapshot | Miss) === token)) return false
      const keys = expectations.filter((expected) => !isOurs(expected)) as readonly Expectation[]
      const stamps = locks.map(({ lock }, at) => ({ key: lockKey(lock), stamp: stampOf(found[at] as Snapshot | Miss) }))
      return chain(store.apply([...keys, ...stamps], writes), (done) => {
        if (done || locks.length === 0) return done
        if (tries === MOST_TRIES) throw new BackendError(`A lock changed ${tries} times while it was being checked.`)
        // A lock that was renewed meanwhile is still held.
        return chain(look(), (now) =>
          now.some((snapshot, at) => stampOf(snapshot) !== stamps[at]?.stamp)
            ? attempt(expectations, writes, tries + 1)
            : false,
        )
      })
    })
  }
  return (expectations, writes) => attempt(expectations, writes.map(asWrite), 1)
}

function holderOf(found: Snapshot | Miss): string | undefined {
  const content = found === MISS ? undefined : (contentOf(found.value) as Content | undefined)
  return content?.items[0] as string | undefined
}

function stampOf(found: Snapshot | Miss): Snapshot['stamp'] | undefined {
  return found === MISS ? undefined : found.stamp
}
