import { all, chain } from '../awaitable.ts'
import { type Backend, type BackendBase, MISS } from '../backend.ts'
import { sizeOf } from '../size-of.ts'
import { update } from './update.ts'

/** The members of {@link Backend} that can be made of a {@link BackendBase} alone. */
type Derived = Pick<
  Backend,
  'getMany' | 'setMany' | 'deleteMany' | 'exists' | 'expire' | 'timeLeft' | 'size' | 'ping' | 'getRaw' | 'setRaw'
>

/** Makes the members that a store does not bring, each in one step where the contract asks for one. */
export function defaultMembers(base: BackendBase): Derived {
  return {
    getMany: (keys) => all(keys.map((key) => base.get(key))),
    setMany: (entries, lifetime) => chain(all(entries.map(([key, value]) => base.set(key, value, lifetime))), () => {}),
    deleteMany: (keys) => chain(all(keys.map((key) => base.delete(key))), (gone) => gone.filter(Boolean).length),
    exists: (key) => chain(base.inspect(key), (found) => found !== MISS),
    expire: (key, lifetime) =>
      update(base, key, (found) => (found === MISS ? [false] : [true, { op: 'expire', key, lifetime }])),
    timeLeft: (key) => chain(base.inspect(key), (found) => (found === MISS ? found : found.timeLeft)),
    size: (key) => chain(base.inspect(key), (found) => (found === MISS ? 0 : sizeOf([key, found.value]))),
    ping: (message) => chain(base.inspect(''), () => message),
    getRaw: (key) => base.get(key),
    setRaw: (key, raw, lifetime) => base.set(key, raw, lifetime),
  }
}
